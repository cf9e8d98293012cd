-- Tables for the tests of event_baseline.
CREATE TABLE events(id INTEGER PRIMARY KEY, time REAL, value INTEGER);
INSERT INTO events VALUES (1, 0, 1), (2, 2.5, 2), (5, 4, 3), (6, NULL, 100), (7, 5, 4), (90, 19, 5), (91, 7, NULL);

CREATE TABLE none(time REAL, value REAL);

CREATE TABLE "odd ""name"""("it's time" REAL, "va""lue" REAL);
INSERT INTO "odd ""name""" VALUES (1, 2), (3, 4);

CREATE TABLE keyed(name TEXT PRIMARY KEY, time REAL, value REAL) WITHOUT ROWID;
INSERT INTO keyed VALUES ('a', 1, 2), ('b', 2.5, 3), ('c', 23.9, 4);
CREATE VIEW seen AS SELECT name, time, value FROM keyed;

CREATE TABLE stamps(time INTEGER, value REAL);
INSERT INTO stamps VALUES (0, 1), (3600, 2), (86399, 3), (-1, 4);

CREATE TABLE texts(time, value);
INSERT INTO texts VALUES ('noon', 1);

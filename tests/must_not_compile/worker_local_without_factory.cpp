// expect: worker_local: T has no default constructor; pass a factory
// SPDX-License-Identifier: MIT
#include <yoke/worker_local.hpp>

struct connection {
    explicit connection(int port) : port(port) {}
    int port;
};

#ifdef YOKE_FIXED
yoke::worker_local<connection> connections([] { return connection(5432); });
#else
yoke::worker_local<connection> connections;
#endif

int test() { return connections.local().port; }

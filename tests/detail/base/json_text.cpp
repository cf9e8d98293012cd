// SPDX-License-Identifier: MIT
#include "catch.hpp"

#include <yoke/detail/base/json_text.hpp>

#include <string>

using yoke::detail::append_json_string;
using yoke::detail::whole_characters;

namespace {

std::string json(std::string_view text) {
    std::string result;
    append_json_string(result, text);
    return result;
}

}  // namespace

TEST_CASE("text becomes a JSON string") {
    REQUIRE(json("") == "\"\"");
    REQUIRE(json("plain") == "\"plain\"");
    REQUIRE(json("a\"b\\c/") == "\"a\\\"b\\\\c/\"");
    REQUIRE(json(std::string_view("\0\t\n\x1f\x7f", 5)) == "\"\\u0000\\u0009\\u000a\\u001f\\u007f\"");
    REQUIRE(json("\xc3\xa9 \xe2\x82\xac \xf0\x9f\x90\x82") == "\"\xc3\xa9 \xe2\x82\xac \xf0\x9f\x90\x82\"");
}

TEST_CASE("what is not UTF-8 is replaced byte by byte") {
    for (const char* bad : {"\x80", "\xff", "\xc0", "\xc3", "\xf5"}) REQUIRE(json(bad) == "\"\\ufffd\"");
    REQUIRE(json("\xc0\xaf") == "\"\\ufffd\\ufffd\"");                        // too long a form of '/'
    REQUIRE(json("\xe0\x80\xaf") == "\"\\ufffd\\ufffd\\ufffd\"");             // the same
    REQUIRE(json("\xed\xa0\x80") == "\"\\ufffd\\ufffd\\ufffd\"");             // a surrogate
    REQUIRE(json("\xf4\x90\x80\x80") == "\"\\ufffd\\ufffd\\ufffd\\ufffd\"");  // beyond U+10FFFF
    REQUIRE(json("\xe2\x82") == "\"\\ufffd\\ufffd\"");                        // cut
    REQUIRE(json("\xe2\x82z") == "\"\\ufffd\\ufffdz\"");
    REQUIRE(json("\xed\x9f\xbf\xee\x80\x80\xf4\x8f\xbf\xbf") ==
            "\"\xed\x9f\xbf\xee\x80\x80\xf4\x8f\xbf\xbf\"");
}

TEST_CASE("text is cut between characters") {
    REQUIRE(whole_characters("abc", 3) == 3);
    REQUIRE(whole_characters("abcd", 3) == 3);
    REQUIRE(whole_characters("ab\xc3\xa9", 3) == 2);
    REQUIRE(whole_characters("\xf0\x9f\x90\x82x", 3) == 0);
    REQUIRE(whole_characters("\xf0\x9f\x90\x82x", 4) == 4);
    REQUIRE(whole_characters("\x80\x80\x80\x80\x80\x80", 4) == 4);  // no characters at all
    REQUIRE(whole_characters("abc", 0) == 0);
}

// SPDX-License-Identifier: MIT
//
// decode_exception: any bytes become an exception that can be thrown, and never one that is thrown at the decoder.
#include "fuzz.hpp"

#include <yoke/executor/process/exception_wire.hpp>
#include <yoke/wire/registered_exception.hpp>

#include <filesystem>
#include <stdexcept>
#include <string>
#include <system_error>

struct registered {
    int number = 0;
    std::vector<std::string> texts;
};

namespace {

const yoke::registered_exception<registered> registered_crosses;

using namespace yoke::detail;
using yoke_fuzz::check;

/// Walks down the chain; returns how many there are.
std::size_t walk(const std::exception_ptr& error) {
    try {
        std::rethrow_exception(error);
    } catch (const std::nested_exception& nested) {
        return 1 + (nested.nested_ptr() ? walk(nested.nested_ptr()) : 0);
    } catch (const yoke::remote_error& described) {
        return described.chain().size();
    } catch (...) {
        return 1;
    }
}

}  // namespace

void yoke_fuzz::run(std::span<const std::byte> input) {
    const std::exception_ptr error = decode_exception(input, 42);
    check(error != nullptr, "no exception came out");
    check(walk(error) <= exception_chain_limit, "more exceptions than may cross");
    check(decode_exception(encode_exception(error), 42) != nullptr, "it does not cross again");
}

std::vector<std::vector<std::byte>> yoke_fuzz::seeds() {
    const auto of = [](auto thrower) {
        try {
            thrower();
        } catch (...) {
            return encode_exception(std::current_exception());
        }
        return std::vector<std::byte>();
    };
    return {of([] { throw std::out_of_range("index 7"); }), of([] { throw 42; }),
            of([] { throw std::system_error(EIO, std::generic_category(), "reading"); }),
            of([] { throw yoke::stage_error("a stage", 3, 7); }),
            of([] { throw yoke::fetch_error("a page", 9); }),
            of([] { throw yoke::worker_lost("a worker", 1, 2, 3, 4, 5, "printed"); }), of([] {
                throw yoke::missing_rows("rows", {{1, 2}, {3, 4}});
            }),
            of([] { throw std::filesystem::filesystem_error("a file", "/a", "/b", std::error_code()); }),
            of([] {
                throw registered{3, {"one", "two"}};
            }),
            of([] {
                throw yoke::task_errors({std::make_exception_ptr(registered()), std::make_exception_ptr(17),
                                         std::make_exception_ptr(yoke::task_errors({}, "none"))},
                                        "an error");
            }),
            // One link more than may cross.
            bytes_of([](yoke::wire_writer& out) {
                put_chain(out, std::vector<exception_link>(exception_chain_limit + 1));
            }),
            of([] {
                throw yoke::remote_error({{"my::error", "text"}, {"int", ""}}, 7);
            }),
            of([] {
                try {
                    throw std::bad_alloc();
                } catch (...) {
                    std::throw_with_nested(std::runtime_error("outside"));
                }
            })};
}

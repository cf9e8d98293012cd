// SPDX-License-Identifier: MIT
#pragma once

/// Exceptions on their way from a worker process.
///
///     catch (...) { bytes = encode_exception(std::current_exception()); }      // there
///     receiver.set_error(decode_exception(bytes, worker_pid));                 // here
///
/// An exception whose type is *exactly* one of those in `known_exceptions` - the standard ones and those of yoke - or one
/// that is registered (<yoke/wire/registered_exception.hpp>) comes back as that type with the same what(), the
/// same members, and with what was nested in it. Of any other, a class derived from one of those included, there is only a
/// description: a `remote_error` with the type's name, its what() (of a number or a text that was thrown, its value), those
/// of the exceptions nested in it, and the worker.
///
/// Neither function throws, whatever was thrown and whatever the bytes say. The type is found by asking the C++
/// runtime for its name, so this works for exceptions that are no classes and with -fno-rtti.

#include <yoke/detail/base/config.hpp>
#include <yoke/wire/stream.hpp>

#include <cstddef>
#include <cstdint>
#include <exception>
#include <span>
#include <string>
#include <vector>

namespace yoke {

/// Most bytes of one registered exception, and of the errors in one `task_errors`, that cross; beyond there is only a
/// description.
inline constexpr std::size_t registered_exception_limit = std::size_t{1} << 20;

}  // namespace yoke

namespace yoke::detail {

/// Longest text of one exception that crosses; the rest is cut off.
inline constexpr std::size_t exception_text_limit = std::size_t{1} << 16;
/// Most exceptions of a nested chain that cross, outermost first.
inline constexpr std::size_t exception_chain_limit = 32;
/// How deep `task_errors` may lie in each other.
inline constexpr int exception_depth_limit = 8;

/// One exception of a chain, as it crosses.
struct exception_link {
    /// Only a description of something that was a description before, or that cannot be made again.
    bool described = false;
    /// Of a description that came from another worker before: its process id; else 0.
    std::int32_t worker = 0;
    /// Address of the registered type's entry in the worker, 0 if it is not registered. Only compared, never followed.
    std::uint64_t entry = 0;
    std::string type;
    std::string what;
    /// What it holds beside its text.
    std::vector<std::byte> data;
    /// The exceptions in a `task_errors`, each encoded; empty for one that did not fit.
    std::vector<std::vector<std::byte>> parts;
};

/// The bytes that describe an exception; none if there was no memory for them. `error` must not be null.
[[nodiscard]] std::vector<std::byte> encode_exception(const std::exception_ptr& error,
                                                      int depth = 0) noexcept;
/// The exception that `bytes` describe, thrown by the process `worker`. A `decode_error` if they describe none.
[[nodiscard]] std::exception_ptr decode_exception(std::span<const std::byte> bytes, int worker,
                                                  int depth = 0) noexcept;

void put_chain(wire_writer& out, const std::vector<exception_link>& chain);

/// The bytes that `put(out)` writes.
template <class Put>
std::vector<std::byte> bytes_of(Put put) {
    wire_writer count;
    put(count);
    std::vector<std::byte> bytes(count.size());
    wire_writer out(bytes);
    put(out);
    return bytes;
}

}  // namespace yoke::detail

#if YOKE_IS_HEADER_ONLY
#include <yoke/executor/process/exception_wire.ipp>
#endif

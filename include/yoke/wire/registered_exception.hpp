// SPDX-License-Identifier: MIT
#pragma once

/// Exceptions of the user's own that come back from a worker process as themselves.
///
///     struct parse_error : std::runtime_error {
///         explicit parse_error(int l) : std::runtime_error("line " + std::to_string(l)), line(l) {}
///         int line;
///     };
///     template <>
///     struct yoke::codec<parse_error> {
///         static void encode(wire_writer& out, const parse_error& e) { yoke::encode(out, e.line); }
///         static parse_error decode(wire_reader& in) { return parse_error(yoke::decode<int>(in)); }
///     };
///     inline const yoke::registered_exception<parse_error> parse_error_crosses;
///
///     try { processes.submit(parse, text).get(); } catch (const parse_error& e) { use(e.line); }
///
/// The last line stands beside the class, at namespace scope, in the header that everybody includes who throws or catches
/// it. What is nested in the exception crosses with it. An exception of exactly this type comes back as itself; one of a
/// class derived from it is of another type, to be registered on its own. What nobody registered comes back as
/// `remote_error`. The standard exceptions and those of yoke need no registration.
///
/// A class that consists of its text has a codec in one line:
///
///     template <> struct yoke::codec<my::failure> : yoke::what_codec<my::failure> {};
///
/// If encoding or decoding throws, or the bytes are more than `registered_exception_limit`, the exception comes back as
/// `remote_error`, with type and text.

#include <yoke/detail/base/exception_registry.hpp>
#include <yoke/wire/codec.hpp>

#include <concepts>
#include <cstddef>
#include <exception>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

namespace yoke {

/// A codec for exceptions that are made of their what() and hold nothing else.
template <class E>
struct what_codec {
    static void encode(wire_writer& out, const E& e) {
        static_assert(std::constructible_from<E, const std::string&>,
                      "yoke::what_codec: the exception must have a constructor that takes its text");
        yoke::encode(out, std::string(e.what()));
    }
    static E decode(wire_reader& in) { return E(yoke::decode<std::string>(in)); }
};

/// Registers `E` for as long as it lives, which is at least as long as any pool or exception of that type: make one per
/// type, `inline const` at namespace scope. Any number of files and shared libraries may register the same type.
template <class E>
class registered_exception {
    static_assert(std::is_same_v<E, std::decay_t<E>>,
                  "yoke::registered_exception: exceptions are thrown by value");
    static_assert(shippable<E>, "yoke::registered_exception: specialise yoke::codec for the exception "
                                "(yoke::what_codec if it is made "
                                "of its text), or make it an aggregate of values that can cross");

public:
    registered_exception() noexcept { detail::registered_exceptions.add(entry_); }
    registered_exception(const registered_exception&) = delete;
    registered_exception& operator=(const registered_exception&) = delete;
    ~registered_exception() { detail::registered_exceptions.remove(entry_); }

private:
    static bool encode_current(std::vector<std::byte>& bytes) {
        return detail::if_current_exception_is<E>([&](const E& e) { bytes = encoded(e); });
    }
    static std::exception_ptr decode(std::span<const std::byte> bytes, const std::exception_ptr& nested) {
        return detail::raise_made([&] { return decode_all<E>(bytes); }, nested);
    }

    // The list of all goes through it, also if this object is const.
    mutable detail::exception_entry entry_{&detail::exception_type_name<E>, &encode_current, &decode};
};

}  // namespace yoke

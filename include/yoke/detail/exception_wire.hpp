// SPDX-License-Identifier: MIT
#pragma once

/// Exceptions on their way from a worker process.
///
///     catch (...) { bytes = encode_exception(std::current_exception()); }      // there
///     receiver.set_error(decode_exception(bytes, worker_pid));                 // here
///
/// An exception whose type is *exactly* one of those in `known_exceptions` - the standard ones and the plain
/// ones of yoke - comes back as that type with the same what(), and with what was nested in it. Of any other, a class
/// derived from a standard one included, there is only a description: a `remote_error` with the type's name,
/// its what(), those of the exceptions nested in it, and the worker.
///
/// Neither function throws, whatever was thrown and whatever the bytes say. The type is found by asking the C++
/// runtime for its name, so this works for exceptions that are no classes and with -fno-rtti.

#include <yoke/detail/wire.hpp>
#include <yoke/error.hpp>

#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cxxabi.h>
#include <exception>
#include <functional>  // for bad_function_call
#include <new>
#include <optional>  // for bad_optional_access
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <typeinfo>
#include <utility>
#include <variant>  // for bad_variant_access
#include <vector>

namespace yoke::detail {

/// Longest text of one exception that crosses; the rest is cut off.
inline constexpr std::size_t exception_text_limit = std::size_t{1} << 16;
/// Most exceptions of a nested chain that cross, outermost first.
inline constexpr std::size_t exception_chain_limit = 32;

/// One exception of a chain, as it crosses.
struct exception_link {
    /// Only a description of something that was a description before, or that cannot be made again.
    bool described = false;
    /// What else it holds: an error code's category and value, an offset, a stage and an item.
    std::array<std::uint64_t, 2> numbers{};
    std::string type;
    std::string what;
};

/// A standard exception that takes no text, with the text it had elsewhere.
template <class E>
class exception_with_text : public E {
public:
    explicit exception_with_text(const std::string& text) : text_(text) {}
    [[nodiscard]] const char* what() const noexcept override { return text_.what(); }

private:
    std::runtime_error text_;  // a string whose copies do not throw
};

/// `e`, with `nested` nested in it if there is one.
template <class E>
std::exception_ptr raise(E e, const std::exception_ptr& nested) {
    try {
        if (nested == nullptr) throw std::move(e);
        try {
            std::rethrow_exception(nested);
        } catch (...) {
            std::throw_with_nested(std::move(e));
        }
    } catch (...) {
        return std::current_exception();
    }
}

template <class E>
std::exception_ptr remake(const exception_link& link, const std::exception_ptr& nested) {
    if constexpr (std::constructible_from<E, const std::string&>) {
        return raise(E(link.what), nested);
    } else {
        E plain;
        if (link.what == plain.what()) return raise(std::move(plain), nested);
        return raise(exception_with_text<E>(link.what), nested);
    }
}

inline std::exception_ptr remake_system_error(const exception_link& link, const std::exception_ptr& nested) {
    const auto& category = link.numbers[0] == 0 ? std::generic_category() : std::system_category();
    const std::error_code code(static_cast<int>(static_cast<std::uint32_t>(link.numbers[1])), category);
    // The constructor appends the code's message to the text, so it is taken off first.
    const std::string message = code.message();
    if (link.what == message) return raise(std::system_error(code), nested);
    std::string text = link.what;
    if (text.ends_with(": " + message)) text.resize(text.size() - message.size() - 2);
    return raise(std::system_error(code, text), nested);
}

inline std::exception_ptr remake_fetch_error(const exception_link& link, const std::exception_ptr& nested) {
    return raise(fetch_error(link.what, link.numbers[0]), nested);
}

inline std::exception_ptr remake_stage_error(const exception_link& link, const std::exception_ptr& nested) {
    return raise(stage_error(link.what, static_cast<std::size_t>(link.numbers[0]), link.numbers[1]), nested);
}

/// A type that comes back as itself.
struct known_exception {
    std::string_view type;
    std::exception_ptr (*remake)(const exception_link&, const std::exception_ptr& nested);
};

inline constexpr known_exception known_exceptions[] = {
    {"std::logic_error", remake<std::logic_error>},
    {"std::invalid_argument", remake<std::invalid_argument>},
    {"std::domain_error", remake<std::domain_error>},
    {"std::length_error", remake<std::length_error>},
    {"std::out_of_range", remake<std::out_of_range>},
    {"std::runtime_error", remake<std::runtime_error>},
    {"std::range_error", remake<std::range_error>},
    {"std::overflow_error", remake<std::overflow_error>},
    {"std::underflow_error", remake<std::underflow_error>},
    {"std::system_error", remake_system_error},
    {"std::exception", remake<std::exception>},
    {"std::bad_exception", remake<std::bad_exception>},
    {"std::bad_alloc", remake<std::bad_alloc>},
    {"std::bad_array_new_length", remake<std::bad_array_new_length>},
    {"std::bad_cast", remake<std::bad_cast>},
    {"std::bad_typeid", remake<std::bad_typeid>},
    {"std::bad_function_call", remake<std::bad_function_call>},
    {"std::bad_optional_access", remake<std::bad_optional_access>},
    {"std::bad_variant_access", remake<std::bad_variant_access>},
    {"yoke::error", remake<error>},
    {"yoke::pool_closed", remake<pool_closed>},
    {"yoke::broken_pool", remake<broken_pool>},
    {"yoke::cancelled", remake<cancelled>},
    {"yoke::no_state", remake<no_state>},
    {"yoke::broken_promise", remake<broken_promise>},
    {"yoke::deadlock_error", remake<deadlock_error>},
    {"yoke::forked", remake<forked>},
    {"yoke::unsafe_fork", remake<unsafe_fork>},
    {"yoke::unsupported", remake<unsupported>},
    {"yoke::queue_closed", remake<queue_closed>},
    {"yoke::message_too_large", remake<message_too_large>},
    {"yoke::decode_error", remake<decode_error>},
    {"yoke::task_timeout", remake<task_timeout>},
    {"yoke::page_overflow", remake<page_overflow>},
    {"yoke::fetch_error", remake_fetch_error},
    {"yoke::stage_error", remake_stage_error},
};

inline const known_exception* find_known_exception(std::string_view type) noexcept {
    for (const known_exception& known : known_exceptions)
        if (known.type == type) return &known;
    return nullptr;
}

/// Inside a handler: the type of what was caught, as one writes it in a program.
inline std::string current_exception_type() {
    const std::type_info* type = abi::__cxa_current_exception_type();
    if (type == nullptr) return "an exception of another language";
    int status = 0;
    char* readable = abi::__cxa_demangle(type->name(), nullptr, nullptr, &status);
    std::string name;
    try {
        name = readable != nullptr ? readable : type->name();
    } catch (...) {
        std::free(readable);
        throw;
    }
    std::free(readable);
    // Nested exceptions have a type that derives from the one that was thrown and from std::nested_exception.
    for (const std::string_view wrapper :
         {"std::_Nested_exception<", "std::__nested<", "yoke::detail::exception_with_text<"}) {
        if (!name.starts_with(wrapper) || !name.ends_with('>')) continue;
        name = name.substr(wrapper.size(), name.size() - wrapper.size() - 1);
        if (name.ends_with(' ')) name.pop_back();
    }
    return name;
}

inline std::string cut_text(const char* text) {
    return text == nullptr ? std::string()
                           : std::string(std::string_view(text).substr(0, exception_text_limit));
}

/// Inside a handler: calls `use` with what was caught if it is an `E`.
template <class E, class Use>
void if_current_exception_is(Use use) {
    try {
        throw;
    } catch (const E& e) {
        use(e);
    } catch (...) {
        // Some other type: nothing to do.
    }
}

/// Appends the description of `error` to `chain`; returns what is nested in it.
inline std::exception_ptr describe_exception(const std::exception_ptr& error,
                                             std::vector<exception_link>& chain) {
    std::exception_ptr nested;
    try {
        std::rethrow_exception(error);
    } catch (...) {
        exception_link link;
        link.type = current_exception_type();
        if_current_exception_is<std::exception>(
            [&](const std::exception& e) { link.what = cut_text(e.what()); });
        if_current_exception_is<std::string>([&](const std::string& e) { link.what = cut_text(e.c_str()); });
        if_current_exception_is<std::nested_exception>(
            [&](const std::nested_exception& e) { nested = e.nested_ptr(); });
        if (link.type == "std::system_error") {
            if_current_exception_is<std::system_error>([&](const std::system_error& e) {
                const bool system = e.code().category() == std::system_category();
                link.described = !system && e.code().category() != std::generic_category();
                link.numbers = {system, static_cast<std::uint32_t>(e.code().value())};
            });
        } else if (link.type == "yoke::fetch_error") {
            if_current_exception_is<fetch_error>([&](const fetch_error& e) {
                link.numbers = {e.offset(), 0};
            });
        } else if (link.type == "yoke::stage_error") {
            if_current_exception_is<stage_error>([&](const stage_error& e) {
                link.numbers = {e.stage(), e.item()};
            });
        } else if (link.type == "yoke::remote_error") {
            // It has crossed before; its chain takes its place.
            if_current_exception_is<remote_error>([&](const remote_error& e) {
                for (const remote_error::link& inner : e.chain())
                    chain.push_back({true, {}, inner.type, cut_text(inner.what.c_str())});
            });
            return nested;
        }
        chain.push_back(std::move(link));
    }
    return nested;
}

inline void put_text(wire_writer& out, const std::string& text) {
    out.length(text.size());
    out.bytes(text.data(), text.size());
}

inline std::string get_text(wire_reader& in, const char* what) {
    const auto raw = in.bytes(in.length(what), what);
    return std::string(reinterpret_cast<const char*>(raw.data()), raw.size());
}

inline void put_chain(wire_writer& out, const std::vector<exception_link>& chain) {
    out.length(chain.size());
    for (const exception_link& link : chain) {
        out.number(static_cast<unsigned char>(link.described));
        for (const std::uint64_t number : link.numbers) out.number(number);
        put_text(out, link.type);
        put_text(out, link.what);
    }
}

inline std::vector<exception_link> get_chain(wire_reader& in) {
    constexpr std::size_t least = 1 + 4 * sizeof(std::uint64_t);
    const std::size_t count = in.length("the number of nested exceptions", least);
    if (count == 0 || count > exception_chain_limit)
        in.fail("the number of nested exceptions",
                "it is " + std::to_string(count) + ", not 1 to " + std::to_string(exception_chain_limit));
    std::vector<exception_link> chain(count);
    for (exception_link& link : chain) {
        link.described = in.flag("the kind of an exception");
        for (std::uint64_t& number : link.numbers) number = in.number<std::uint64_t>("an exception");
        link.type = get_text(in, "the type of an exception");
        link.what = get_text(in, "the text of an exception");
    }
    in.expect_end("an exception");
    return chain;
}

/// The bytes that describe an exception; none if there was no memory for them. `error` must not be null.
inline std::vector<std::byte> encode_exception(const std::exception_ptr& error) noexcept {
    try {
        std::vector<exception_link> chain;
        for (std::exception_ptr next = error; next != nullptr && chain.size() < exception_chain_limit;)
            next = describe_exception(next, chain);
        if (chain.size() > exception_chain_limit) chain.resize(exception_chain_limit);
        wire_writer count;
        put_chain(count, chain);
        std::vector<std::byte> bytes(count.size());
        wire_writer out(bytes);
        put_chain(out, chain);
        return bytes;
    } catch (...) {
        return {};
    }
}

/// The exception that `bytes` describe, thrown by the process `worker`. A `decode_error` if they describe none.
inline std::exception_ptr decode_exception(std::span<const std::byte> bytes, int worker) noexcept {
    try {
        if (bytes.empty())
            return raise(remote_error({{"an exception", "the worker had no memory to describe it"}}, worker),
                         nullptr);
        wire_reader in(bytes);
        const std::vector<exception_link> chain = get_chain(in);
        std::exception_ptr outermost;
        // From the inside out, as each is nested in the one before it.
        for (std::size_t i = chain.size(); i-- > 0;) {
            const known_exception* known = chain[i].described ? nullptr : find_known_exception(chain[i].type);
            if (known != nullptr) {
                outermost = known->remake(chain[i], outermost);
                continue;
            }
            std::vector<remote_error::link> description;
            for (std::size_t j = i; j < chain.size(); ++j)
                description.push_back({chain[j].type, chain[j].what});
            outermost = raise(remote_error(std::move(description), worker), nullptr);
        }
        return outermost;
    } catch (...) {
        return std::current_exception();
    }
}

}  // namespace yoke::detail

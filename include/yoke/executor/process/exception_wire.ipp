// SPDX-License-Identifier: MIT
#pragma once

#include <yoke/detail/base/exception_registry.hpp>
#include <yoke/error.hpp>
#include <yoke/executor/process/exception_wire.hpp>

#include <algorithm>
#include <any>  // for bad_any_cast
#include <array>
#include <charconv>
#include <concepts>
#include <cstring>
#include <filesystem>  // for filesystem_error
#include <functional>  // for bad_function_call
#include <ios>         // for ios_base::failure
#include <memory>      // for bad_weak_ptr
#include <new>
#include <optional>  // for bad_optional_access
#include <stdexcept>
#include <string_view>
#include <system_error>
#include <typeinfo>
#include <utility>
#include <variant>  // for bad_variant_access

namespace yoke::detail {

/// An exception that takes no text, or makes one of its own, with the text it had elsewhere.
template <class E>
class exception_with_text : public E {
public:
    exception_with_text(E plain, const std::string& text) : E(std::move(plain)), text_(text) {}
    [[nodiscard]] const char* what() const noexcept override { return text_.what(); }

private:
    std::runtime_error text_;  // a string whose copies do not throw
};

/// `e`, with `nested` nested in it if there is one.
template <class E>
std::exception_ptr raise(E e, const std::exception_ptr& nested) {
    return raise_made([&] { return std::move(e); }, nested);
}

YOKE_INLINE void put_text(wire_writer& out, const std::string& text) {
    out.length(text.size());
    out.bytes(text.data(), text.size());
}

YOKE_INLINE std::string get_text(wire_reader& in, const char* what) {
    const auto raw = in.bytes(in.length(what), what);
    return std::string(reinterpret_cast<const char*>(raw.data()), raw.size());
}

YOKE_INLINE void put_items(wire_writer& out, const std::optional<item_range>& items) {
    out.number(static_cast<unsigned char>(items.has_value()));
    if (!items) return;
    out.number(items->index);
    out.number(items->count);
}
YOKE_INLINE std::optional<item_range> get_items(wire_reader& in) {
    if (!in.flag("whether items are known")) return std::nullopt;
    const auto index = in.number<std::uint64_t>("an item");
    return item_range{index, in.number<std::uint64_t>("a number of items")};
}

/// What an exception of a known type holds beside its text. `put` throws `unsupported` if it cannot cross.
template <class E>
struct exception_members {
    static void put(wire_writer&, const E&) {}
    static E get(wire_reader&, const exception_link& link, const std::vector<std::exception_ptr>&) {
        if constexpr (std::constructible_from<E, const std::string&>)
            return E(link.what);
        else
            return E();
    }
};

YOKE_INLINE void put_code(wire_writer& out, const std::error_code& code) {
    const auto& category = code.category();
    const bool system = category == std::system_category();
    const bool stream = category == std::iostream_category();
    if (!system && !stream && category != std::generic_category())
        throw unsupported("an error code of another category: the other side would have to trust an address");
    out.number(static_cast<unsigned char>(system ? 1 : stream ? 2 : 0));
    out.number(code.value());
}
YOKE_INLINE std::error_code get_code(wire_reader& in) {
    const auto category = in.number<unsigned char>("the category of an error code");
    const auto value = in.number<int>("an error code");
    switch (category) {
    case 1: return {value, std::system_category()};
    case 2: return {value, std::iostream_category()};
    default: return {value, std::generic_category()};
    }
}
/// The text that a system_error was given: its constructor appends the code's message.
YOKE_INLINE std::string without_message(std::string text, const std::error_code& code) {
    const std::string message = code.message();
    if (text == message) return {};
    if (text.ends_with(": " + message)) text.resize(text.size() - message.size() - 2);
    return text;
}

template <>
struct exception_members<std::system_error> {
    static void put(wire_writer& out, const std::system_error& e) { put_code(out, e.code()); }
    static std::system_error get(wire_reader& in, const exception_link& link,
                                 const std::vector<std::exception_ptr>&) {
        const std::error_code code = get_code(in);
        const std::string text = without_message(link.what, code);
        if (text.empty() && link.what == code.message()) return std::system_error(code);
        return {code, text};
    }
};
template <>
struct exception_members<std::ios_base::failure> {
    static void put(wire_writer& out, const std::ios_base::failure& e) { put_code(out, e.code()); }
    static std::ios_base::failure get(wire_reader& in, const exception_link& link,
                                      const std::vector<std::exception_ptr>&) {
        const std::error_code code = get_code(in);
        return std::ios_base::failure(without_message(link.what, code), code);
    }
};
template <>
struct exception_members<std::filesystem::filesystem_error> {
    using type = std::filesystem::filesystem_error;
    static void put(wire_writer& out, const type& e) {
        put_code(out, e.code());
        put_text(out, e.std::system_error::what());
        put_text(out, e.path1().native());
        put_text(out, e.path2().native());
    }
    static type get(wire_reader& in, const exception_link& link, const std::vector<std::exception_ptr>&) {
        const std::error_code code = get_code(in);
        const std::string text = without_message(get_text(in, "the text of a filesystem_error"), code);
        const std::string first = get_text(in, "a path");
        const std::string second = get_text(in, "a path");
        // Which of the constructors was called shows in the text only.
        if (type one(text, first, code); second.empty() && link.what == one.what()) return one;
        if (type none(text, code); first.empty() && second.empty() && link.what == none.what()) return none;
        return {text, first, second, code};
    }
};
template <>
struct exception_members<worker_lost> {
    static void put(wire_writer& out, const worker_lost& e) {
        out.number(e.pid());
        out.number(e.signal());
        out.number(e.status());
        out.number(e.task());
        out.number(e.attempts());
        put_text(out, e.output());
        out.number(e.worker());
        put_text(out, e.stack());
        put_items(out, e.items());
    }
    static worker_lost get(wire_reader& in, const exception_link& link,
                           const std::vector<std::exception_ptr>&) {
        const auto pid = in.number<int>("a worker");
        const auto signal = in.number<int>("a signal");
        const auto status = in.number<int>("a status");
        const auto task = in.number<std::uint64_t>("a task");
        const auto attempts = in.number<int>("a number of attempts");
        std::string output = get_text(in, "what a task printed");
        const auto worker = in.number<int>("the number of a worker");
        std::string stack = get_text(in, "where a worker was");
        return {link.what,         pid,    signal,           status,       task, attempts,
                std::move(output), worker, std::move(stack), get_items(in)};
    }
};
template <>
struct exception_members<task_timeout> {
    static void put(wire_writer& out, const task_timeout& e) {
        out.number(static_cast<unsigned char>(e.began()));
        put_items(out, e.items());
    }
    static task_timeout get(wire_reader& in, const exception_link& link,
                            const std::vector<std::exception_ptr>&) {
        const bool began = in.flag("whether a task had begun");
        return task_timeout(link.what, began, get_items(in));
    }
};
template <>
struct exception_members<task_errors> {
    static void put(wire_writer&, const task_errors&) {}  // they cross as parts of the link
    static task_errors get(wire_reader&, const exception_link& link,
                           const std::vector<std::exception_ptr>& parts) {
        // Its constructor puts this before the text of the first.
        const std::string start = std::to_string(parts.size()) + " calls have thrown; the first: ";
        return {parts, link.what.starts_with(start) ? link.what.substr(start.size()) : link.what};
    }
};
template <>
struct exception_members<fetch_error> {
    static void put(wire_writer& out, const fetch_error& e) { out.number(e.offset()); }
    static fetch_error get(wire_reader& in, const exception_link& link,
                           const std::vector<std::exception_ptr>&) {
        return {link.what, in.number<std::uint64_t>("an offset")};
    }
};
template <>
struct exception_members<missing_rows> {
    static void put(wire_writer& out, const missing_rows& e) {
        out.length(e.ranges().size());
        for (const row_range& range : e.ranges()) {
            out.number(range.offset);
            out.number(range.count);
        }
    }
    static missing_rows get(wire_reader& in, const exception_link& link,
                            const std::vector<std::exception_ptr>&) {
        std::vector<row_range> ranges(in.length("the missing rows", 2 * sizeof(std::uint64_t)));
        if (ranges.empty()) in.fail("the missing rows", "there are none");
        for (row_range& range : ranges) {
            range.offset = in.number<std::uint64_t>("an offset");
            range.count = in.number<std::uint64_t>("a number of rows");
        }
        return {link.what, std::move(ranges)};
    }
};
template <>
struct exception_members<stage_error> {
    static void put(wire_writer& out, const stage_error& e) {
        out.number(static_cast<std::uint64_t>(e.stage()));
        out.number(e.item());
    }
    static stage_error get(wire_reader& in, const exception_link& link,
                           const std::vector<std::exception_ptr>&) {
        const auto stage = in.number<std::uint64_t>("a stage");
        return {link.what, static_cast<std::size_t>(stage), in.number<std::uint64_t>("an item")};
    }
};

template <class E>
bool put_known(std::vector<std::byte>& data) {
    return if_current_exception_is<E>(
        [&](const E& e) { data = bytes_of([&](wire_writer& out) { exception_members<E>::put(out, e); }); });
}

template <class E>
std::exception_ptr get_known(const exception_link& link, const std::vector<std::exception_ptr>& parts,
                             const std::exception_ptr& nested) {
    wire_reader in(link.data);
    E made = exception_members<E>::get(in, link, parts);
    in.expect_end("an exception");
    if (link.what == made.what()) return raise(std::move(made), nested);
    return raise(exception_with_text<E>(std::move(made), link.what), nested);
}

/// A type that comes back as itself.
struct known_exception {
    std::string_view type;
    bool (*put)(std::vector<std::byte>& data);
    std::exception_ptr (*get)(const exception_link&, const std::vector<std::exception_ptr>& parts,
                              const std::exception_ptr& nested);
};
template <class E>
constexpr known_exception known(std::string_view type) noexcept {
    return {type, put_known<E>, get_known<E>};
}

inline constexpr known_exception known_exceptions[] = {
    known<std::logic_error>("std::logic_error"),
    known<std::invalid_argument>("std::invalid_argument"),
    known<std::domain_error>("std::domain_error"),
    known<std::length_error>("std::length_error"),
    known<std::out_of_range>("std::out_of_range"),
    known<std::runtime_error>("std::runtime_error"),
    known<std::range_error>("std::range_error"),
    known<std::overflow_error>("std::overflow_error"),
    known<std::underflow_error>("std::underflow_error"),
    known<std::system_error>("std::system_error"),
    known<std::filesystem::filesystem_error>("std::filesystem::filesystem_error"),
    known<std::ios_base::failure>("std::ios_base::failure"),
    known<std::exception>("std::exception"),
    known<std::bad_exception>("std::bad_exception"),
    known<std::bad_alloc>("std::bad_alloc"),
    known<std::bad_array_new_length>("std::bad_array_new_length"),
    known<std::bad_cast>("std::bad_cast"),
    known<std::bad_any_cast>("std::bad_any_cast"),
    known<std::bad_typeid>("std::bad_typeid"),
    known<std::bad_function_call>("std::bad_function_call"),
    known<std::bad_optional_access>("std::bad_optional_access"),
    known<std::bad_variant_access>("std::bad_variant_access"),
    known<std::bad_weak_ptr>("std::bad_weak_ptr"),
    known<error>("yoke::error"),
    known<pool_closed>("yoke::pool_closed"),
    known<broken_pool>("yoke::broken_pool"),
    known<cancelled>("yoke::cancelled"),
    known<no_state>("yoke::no_state"),
    known<broken_promise>("yoke::broken_promise"),
    known<deadlock_error>("yoke::deadlock_error"),
    known<forked>("yoke::forked"),
    known<unsafe_fork>("yoke::unsafe_fork"),
    known<unsupported>("yoke::unsupported"),
    known<queue_closed>("yoke::queue_closed"),
    known<message_too_large>("yoke::message_too_large"),
    known<decode_error>("yoke::decode_error"),
    known<worker_lost>("yoke::worker_lost"),
    known<task_timeout>("yoke::task_timeout"),
    known<task_errors>("yoke::task_errors"),
    known<page_overflow>("yoke::page_overflow"),
    known<fetch_error>("yoke::fetch_error"),
    known<missing_rows>("yoke::missing_rows"),
    known<stage_error>("yoke::stage_error"),
};

YOKE_INLINE const known_exception* find_known_exception(std::string_view type) noexcept {
    for (const known_exception& known : known_exceptions)
        if (known.type == type) return &known;
    return nullptr;
}

/// The entry of a registered type: the very one that the worker had, else (in a library that lies elsewhere here) one of
/// that name.
YOKE_INLINE const exception_entry* find_registered_exception(const exception_link& link) {
    const exception_entry* same = registered_exceptions.find([&](const exception_entry& entry) {
        return reinterpret_cast<std::uintptr_t>(&entry) == link.entry && entry.type() == link.type;
    });
    if (same != nullptr) return same;
    return registered_exceptions.find(
        [&](const exception_entry& entry) { return entry.type() == link.type; });
}

YOKE_INLINE std::string cut_text(const char* text) {
    return text == nullptr ? std::string() : std::string(text, ::strnlen(text, exception_text_limit));
}

template <class... Numbers>
void describe_number(std::string& text) {
    static_cast<void>((if_current_exception_is<Numbers>([&](Numbers value) {
                           std::array<char, 64> digits;
                           const auto end =
                               std::to_chars(digits.data(), digits.data() + digits.size(), value);
                           text.assign(digits.data(), end.ptr);
                       }) ||
                       ...));
}

/// Inside a handler: the text of what was caught; of something that is no std::exception, its value.
YOKE_INLINE std::string describe_current() {
    std::string text;
    const bool told =
        if_current_exception_is<std::exception>(
            [&](const std::exception& e) { text = cut_text(e.what()); }) ||
        if_current_exception_is<std::string>([&](const std::string& e) { text = cut_text(e.c_str()); }) ||
        if_current_exception_is<const char*>([&](const char* e) { text = cut_text(e); }) ||
        if_current_exception_is<char>([&](char e) { text = e; }) ||
        if_current_exception_is<bool>([&](bool e) { text = e ? "true" : "false"; }) ||
        if_current_exception_is<std::error_code>([&](const std::error_code& e) {
            text = std::string(e.category().name()) + ":" + std::to_string(e.value()) + ": " + e.message();
        });
    if (!told)
        describe_number<int, unsigned, long, unsigned long, long long, unsigned long long, short,
                        unsigned short, signed char, unsigned char, float, double, long double>(text);
    return text;
}

/// Inside a handler of task_errors.
YOKE_INLINE void put_parts(exception_link& link, int depth) {
    static_cast<void>(if_current_exception_is<task_errors>([&](const task_errors& e) {
        std::size_t bytes = 0;
        for (const std::exception_ptr& part : e.errors()) {
            const bool room = bytes < registered_exception_limit && depth < exception_depth_limit;
            link.parts.push_back(room ? encode_exception(part, depth + 1) : std::vector<std::byte>());
            bytes += link.parts.back().size();
        }
    }));
}

/// Inside a handler: what the link's exception holds, so that it can be made again; else the link is a description.
YOKE_INLINE void put_members(exception_link& link, int depth) {
    try {
        if (const known_exception* known = find_known_exception(link.type)) {
            link.described = !known->put(link.data);
        } else {
            const exception_entry* entry = registered_exceptions.find(
                [&](const exception_entry& one) { return one.type() == link.type && one.encode(link.data); });
            link.described = entry == nullptr || link.data.size() > registered_exception_limit;
            link.entry = reinterpret_cast<std::uintptr_t>(entry);
        }
        if (link.type == "yoke::task_errors" && !link.described) put_parts(link, depth);
    } catch (...) {
        link.described = true;  // it has a text all the same
    }
    if (!link.described) return;
    link.entry = 0;
    link.data.clear();
    link.parts.clear();
}

/// Appends the description of `error` to `chain`; returns what is nested in it.
YOKE_INLINE std::exception_ptr describe_exception(const std::exception_ptr& error,
                                                  std::vector<exception_link>& chain, int depth) {
    std::exception_ptr nested;
    try {
        std::rethrow_exception(error);
    } catch (...) {
        static_cast<void>(if_current_exception_is<std::nested_exception>(
            [&](const std::nested_exception& e) { nested = e.nested_ptr(); }));
        exception_link link;
        link.type = current_exception_type();
        // A remote_error has crossed before; its chain takes its place.
        if (link.type == "yoke::remote_error" &&
            if_current_exception_is<remote_error>([&](const remote_error& e) {
                for (const remote_error::link& inner : e.chain())
                    chain.push_back({true, e.worker(), 0, inner.type, cut_text(inner.what.c_str()), {}, {}});
            }))
            return nested;
        link.what = describe_current();
        put_members(link, depth);
        chain.push_back(std::move(link));
    }
    return nested;
}

YOKE_INLINE void put_bytes(wire_writer& out, const std::vector<std::byte>& bytes) {
    out.length(bytes.size());
    out.bytes(bytes.data(), bytes.size());
}
YOKE_INLINE std::vector<std::byte> get_bytes(wire_reader& in, const char* what) {
    const auto raw = in.bytes(in.length(what), what);
    return {raw.begin(), raw.end()};
}

YOKE_INLINE void put_chain(wire_writer& out, const std::vector<exception_link>& chain) {
    out.length(chain.size());
    for (const exception_link& link : chain) {
        out.number(static_cast<unsigned char>(link.described));
        out.number(link.worker);
        out.number(link.entry);
        put_text(out, link.type);
        put_text(out, link.what);
        put_bytes(out, link.data);
        out.length(link.parts.size());
        for (const auto& part : link.parts) put_bytes(out, part);
    }
}

YOKE_INLINE std::vector<exception_link> get_chain(wire_reader& in) {
    constexpr std::size_t least = 1 + sizeof(std::int32_t) + 5 * sizeof(std::uint64_t);
    const std::size_t count = in.length("the number of nested exceptions", least);
    if (count == 0 || count > exception_chain_limit)
        in.fail("the number of nested exceptions",
                "it is " + std::to_string(count) + ", not 1 to " + std::to_string(exception_chain_limit));
    std::vector<exception_link> chain(count);
    for (exception_link& link : chain) {
        link.described = in.flag("the kind of an exception");
        link.worker = in.number<std::int32_t>("the worker of an exception");
        link.entry = in.number<std::uint64_t>("the entry of an exception");
        link.type = get_text(in, "the type of an exception");
        link.what = get_text(in, "the text of an exception");
        link.data = get_bytes(in, "what an exception holds");
        link.parts.resize(in.length("the errors in an exception", sizeof(std::uint64_t)));
        for (auto& part : link.parts) part = get_bytes(in, "an error in an exception");
    }
    in.expect_end("an exception");
    return chain;
}

YOKE_INLINE std::vector<std::byte> encode_exception(const std::exception_ptr& error, int depth) noexcept {
    try {
        std::vector<exception_link> chain;
        for (std::exception_ptr next = error; next != nullptr && chain.size() < exception_chain_limit;)
            next = describe_exception(next, chain, depth);
        if (chain.size() > exception_chain_limit) chain.resize(exception_chain_limit);
        return bytes_of([&](wire_writer& out) { put_chain(out, chain); });
    } catch (...) {
        return {};
    }
}

/// The exception of a link as itself; null if it cannot be made again. Throws std::bad_alloc.
YOKE_INLINE std::exception_ptr remake(const exception_link& link, const std::exception_ptr& nested,
                                      int worker, int depth) {
    if (link.described) return nullptr;
    try {
        if (const known_exception* known = find_known_exception(link.type)) {
            std::vector<std::exception_ptr> parts;
            for (const auto& part : link.parts) parts.push_back(decode_exception(part, worker, depth + 1));
            return known->get(link, parts, nested);
        }
        const exception_entry* entry = find_registered_exception(link);
        return entry != nullptr ? entry->decode(link.data, nested) : nullptr;
    } catch (const std::bad_alloc&) {
        throw;  // no reason to take it for another exception
    } catch (...) {
        return nullptr;
    }
}

YOKE_INLINE std::exception_ptr decode_exception(std::span<const std::byte> bytes, int worker,
                                                int depth) noexcept {
    try {
        if (bytes.empty())
            return raise(
                remote_error({{"an exception",
                               "the worker had no memory to describe it, or too many others beside it"}},
                             worker),
                nullptr);
        wire_reader in(bytes);
        if (depth > exception_depth_limit) in.fail("an exception", "it is nested too deep in others");
        const std::vector<exception_link> chain = get_chain(in);
        std::exception_ptr outermost;
        // From the inside out, as each is nested in the one before it.
        for (std::size_t i = chain.size(); i-- > 0;) {
            if (auto same = remake(chain[i], outermost, worker, depth)) {
                outermost = std::move(same);
                continue;
            }
            std::vector<remote_error::link> description;
            for (std::size_t j = i; j < chain.size(); ++j)
                description.push_back({chain[j].type, chain[j].what});
            outermost =
                raise(remote_error(std::move(description), chain[i].worker != 0 ? chain[i].worker : worker),
                      nullptr);
        }
        return outermost;
    } catch (...) {
        return std::current_exception();
    }
}

}  // namespace yoke::detail

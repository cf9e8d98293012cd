// SPDX-License-Identifier: MIT
#pragma once

/// Values to bytes and back, for the way to another process.
///
///     const std::size_t size = yoke::encoded_size(value);     // exact
///     yoke::wire_writer out(ring.reserve(size));              // any std::span<std::byte>
///     yoke::encode(out, value);                               // straight into it, no copy between
///
///     yoke::wire_reader in(bytes);
///     auto value = yoke::decode<std::vector<point>>(in);      // throws decode_error, never reads past the end
///
/// What has a codec and how to write one for a type of your own: <yoke/wire/shippable.hpp>. Values that are one
/// piece of memory (numbers, aggregates of numbers) are copied in one piece, and vectors of them in bulk.
///
/// Whatever the bytes say, decoding yields a value or throws: lengths, flags and indices are checked, a bool is 0
/// or 1, and no more is allocated than a small multiple of the bytes that are really there. Two promises
/// cannot be kept by looking at bytes: a pointer to a function may point anywhere, so do not call one that came
/// *back* from a worker you do not trust, and the private members of a trivially copyable class are its own affair.

#include <yoke/detail/os/huge_pages.hpp>
#include <yoke/wire/shippable.hpp>

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <memory>  // for addressof
#include <stdexcept>
#include <vector>

namespace yoke {

namespace detail {

template <class T>
void put(wire_writer& out, const T& value);

template <class T>
[[nodiscard]] T get(wire_reader& in);

/// A map's elements without their const, so that they can be moved into it.
template <class T>
struct loose {
    using type = T;
};
template <class K, class V>
struct loose<std::pair<const K, V>> {
    using type = std::pair<K, V>;
};

/// Side by side in memory, and copied as such.
template <class C>
concept bulk = bitwise<typename C::value_type> && std::default_initializable<typename C::value_type> &&
    std::is_copy_assignable_v<typename C::value_type> &&
    requires(C& c, const typename C::value_type* element) {
    { c.data() } -> std::same_as<typename C::value_type*>;
    c.resize(std::size_t());
    c.assign(element, element);
};

/// Has two values in a byte: bool, or an enum that is one.
template <class T>
inline constexpr bool is_flag = std::is_same_v<T, bool>;
template <class T>
    requires std::is_enum_v<T>
inline constexpr bool is_flag<T> = std::is_same_v<std::underlying_type_t<T>, bool>;

/// Whether all bytes that can be in a `T` are a value of it: true unless there is a bool inside.
template <class T>
inline constexpr bool any_bytes_will_do = !is_flag<T>;
template <class... Parts>
inline constexpr bool any_bytes_will_do<type_list<Parts...>> = (any_bytes_will_do<Parts> && ...);
template <class T>
    requires(crossing_of<T> == crossing::by_member || crossing_of<T> == crossing::as_array)
inline constexpr bool any_bytes_will_do<T> = any_bytes_will_do<typename parts_of<T>::type>;

/// Checks every bool in a bitwise value without reading it as one.
template <class T>
void check_bytes(wire_reader& in, const T& value) {
    if constexpr (any_bytes_will_do<T>) {
        return;
    } else if constexpr (crossing_of<T> == crossing::as_array) {
        for (const auto& element : value) check_bytes(in, element);
    } else if constexpr (crossing_of<T> == crossing::by_member) {
        visit_fields(value, [&](const auto&... field) { (check_bytes(in, field), ...); });
    } else {
        unsigned char byte;
        std::memcpy(&byte, std::addressof(value), sizeof byte);
        if (byte > 1) in.fail("a bool", "it is " + std::to_string(byte) + ", not 0 or 1");
    }
}

/// An element of a container has at least one byte, so that the bytes that are left bound the number of elements.
template <class T>
void put_element(wire_writer& out, const T& value) {
    const std::size_t before = out.size();
    put(out, value);
    if (out.size() == before) out.number(static_cast<unsigned char>(0));
}

template <class T>
[[nodiscard]] T get_element(wire_reader& in) {
    const std::size_t before = in.position();
    T value = get<T>(in);
    if (in.position() == before) static_cast<void>(in.number<unsigned char>("an element"));
    return value;
}

template <class C>
void put_container(wire_writer& out, const C& container) {
    using value_type = typename C::value_type;
    out.length(container.size());
    if constexpr (bulk<C>) {
        out.bytes(container.data(), container.size() * sizeof(value_type));
    } else {
        const wire_writer::level level(out);
        for (const value_type& element : container) put_element(out, element);
    }
}

template <class C>
[[nodiscard]] C get_container(wire_reader& in) {
    using value_type = typename C::value_type;
    C container;
    if constexpr (bulk<C>) {
        const std::size_t count = in.length("the length of a container", sizeof(value_type));
        const auto raw = in.bytes(count * sizeof(value_type), "the elements of a container");
        if constexpr (requires { container.reserve(count); }) {
            if (raw.size() >= large_value) {
                container.reserve(count);
                expect_to_fill(container.data(), raw.size());
            }
        }
        // Spares the zeros that resize() would write first.
        const bool aligned = reinterpret_cast<std::uintptr_t>(raw.data()) % alignof(value_type) == 0;
        if (any_bytes_will_do<value_type> && aligned) {
            const auto* first = reinterpret_cast<const value_type*>(raw.data());
            container.assign(first, first + count);
            return container;
        }
        container.resize(count);
        if (count != 0) std::memcpy(static_cast<void*>(container.data()), raw.data(), raw.size());
        if constexpr (!any_bytes_will_do<value_type>)
            for (const auto& element : container) check_bytes(in, element);
    } else {
        using element = typename loose<value_type>::type;
        const wire_reader::level level(in);
        const std::size_t count = in.length("the length of a container");
        // An element may be larger than its bytes; what is not really there is not allocated beforehand.
        if constexpr (requires { container.reserve(count); })
            container.reserve(
                std::min(count, in.remaining() / std::max<std::size_t>(1, sizeof(element) / 16)));
        for (std::size_t i = 0; i < count; ++i) {
            if constexpr (sequence_like<C>)
                container.push_back(get_element<element>(in));
            else
                container.insert(container.end(), get_element<element>(in));
        }
    }
    return container;
}

template <class... Types>
void put_variant(wire_writer& out, const std::variant<Types...>& value) {
    if (value.valueless_by_exception())
        throw std::invalid_argument("a variant without a value cannot cross to another process");
    out.number(static_cast<std::uint32_t>(value.index()));
    std::visit([&](const auto& alternative) { put(out, alternative); }, value);
}

template <class V, std::size_t... I>
[[nodiscard]] V get_variant(wire_reader& in, std::index_sequence<I...>) {
    using getter = V (*)(wire_reader&);
    static constexpr getter getters[] = {[](wire_reader& from) {
        return V(std::in_place_index<I>, get<std::variant_alternative_t<I, V>>(from));
    }...};
    return getters[in.index(sizeof...(I), "the index of a variant")](in);
}

template <class T>
void get_into(wire_reader& in, T& target) {
    if constexpr (std::is_array_v<T>)
        for (auto& element : target) get_into(in, element);
    else
        target = get<T>(in);
}

template <class T>
struct tuple_getter;
/// Makes a `T` of its members, for aggregates that cannot be made without them.
template <class T, class Fields>
struct member_getter;
template <class T, class... Fields>
struct member_getter<T, type_list<Fields...>> {
    // Braces: from left to right.
    static T get_from(wire_reader& in) { return T{get<std::remove_const_t<Fields>>(in)...}; }
};

template <class... Types>
struct tuple_getter<std::tuple<Types...>> {
    // Braces: from left to right.
    static std::tuple<Types...> get_from(wire_reader& in) { return std::tuple<Types...>{get<Types>(in)...}; }
};
template <>
struct tuple_getter<std::tuple<>> {
    static std::tuple<> get_from(wire_reader&) { return {}; }
};

template <class T>
void put(wire_writer& out, const T& value) {
    constexpr crossing how = crossing_of<T>;
    if constexpr (how == crossing::by_codec) {
        if constexpr (requires {
                          { codec<T>::size(value) } -> std::convertible_to<std::size_t>;
                      }) {
            if (out.counting()) return out.count(codec<T>::size(value));
        }
        codec<T>::encode(out, value);
    } else if constexpr (how == crossing::as_nothing) {
        return;
    } else if constexpr (bitwise<T>) {
        out.bytes(std::addressof(value), sizeof value);
    } else if constexpr (how == crossing::as_path) {
        put(out, value.native());
    } else if constexpr (how == crossing::as_optional) {
        out.number(static_cast<unsigned char>(value.has_value()));
        if (value) put(out, *value);
    } else if constexpr (how == crossing::as_variant) {
        put_variant(out, value);
    } else if constexpr (how == crossing::as_pair) {
        put(out, value.first);
        put(out, value.second);
    } else if constexpr (how == crossing::as_tuple) {
        std::apply([&](const auto&... element) { (put(out, element), ...); }, value);
    } else if constexpr (how == crossing::as_bound_values) {
        put(out, value.function());
        put(out, value.values());
    } else if constexpr (how == crossing::as_array) {
        for (const auto& element : value) put(out, element);
    } else if constexpr (how == crossing::as_container) {
        put_container(out, value);
    } else {
        static_assert(how == crossing::by_member, "yoke::shippable<T> is false");
        visit_fields(value, [&](const auto&... field) { (put(out, field), ...); });
    }
}

template <class T>
T get(wire_reader& in) {
    constexpr crossing how = crossing_of<T>;
    if constexpr (how == crossing::by_codec) {
        return codec<T>::decode(in);
    } else if constexpr (how == crossing::as_nothing) {
        return T();
    } else if constexpr (is_flag<T>) {
        return static_cast<T>(in.flag("a bool"));
    } else if constexpr (bitwise<T> && any_bytes_will_do<T>) {
        std::array<std::byte, sizeof(T)> raw;
        in.bytes_into(raw.data(), raw.size(), "a value");
        return std::bit_cast<T>(raw);
    } else if constexpr (bitwise<T>) {
        T value{};
        in.bytes_into(std::addressof(value), sizeof value, "a value");
        check_bytes(in, value);
        return value;
    } else if constexpr (how == crossing::as_path) {
        return T(get<typename T::string_type>(in));
    } else if constexpr (how == crossing::as_optional) {
        return in.flag("the flag of an optional") ? T(std::in_place, get<typename T::value_type>(in)) : T();
    } else if constexpr (how == crossing::as_variant) {
        return get_variant<T>(in, std::make_index_sequence<std::variant_size_v<T>>());
    } else if constexpr (how == crossing::as_pair) {
        auto first = get<std::remove_const_t<typename T::first_type>>(in);
        return T(std::move(first), get<std::remove_const_t<typename T::second_type>>(in));
    } else if constexpr (how == crossing::as_tuple) {
        return tuple_getter<T>::get_from(in);
    } else if constexpr (how == crossing::as_bound_values) {
        auto function = get<typename T::function_type>(in);
        return T(std::move(function), get<typename T::values_type>(in));
    } else if constexpr (how == crossing::as_array) {
        T array{};
        for (auto& element : array) get_into(in, element);
        return array;
    } else if constexpr (how == crossing::as_container) {
        return get_container<T>(in);
    } else {
        static_assert(how == crossing::by_member, "yoke::shippable<T> is false");
        if constexpr (!takes<T, 0>) {
            return member_getter<T, field_list<T>>::get_from(in);
        } else {
            T value{};
            visit_fields(value, [&](auto&... field) { (get_into(in, field), ...); });
            return value;
        }
    }
}

}  // namespace detail

/// Appends `value` to `out`. Throws `message_too_large` if there is no room, and what a codec of the user throws.
template <shippable T>
void encode(wire_writer& out, const T& value) {
    detail::put(out, value);
}

/// Bytes that `encode` writes for `value`. Complexity: one pass over what is not one piece of memory.
template <shippable T>
[[nodiscard]] std::size_t encoded_size(const T& value) {
    wire_writer count;
    detail::put(count, value);
    return count.size();
}

/// The bytes of `value` in memory of their own.
template <shippable T>
[[nodiscard]] std::vector<std::byte> encoded(const T& value) {
    std::vector<std::byte> bytes(encoded_size(value));
    wire_writer out(bytes);
    detail::put(out, value);
    return bytes;
}

/// Takes the next `T` from `in`. Throws `decode_error` if the bytes are no such value.
template <shippable T>
[[nodiscard]] T decode(wire_reader& in) {
    return detail::get<T>(in);
}

/// The `T` that `bytes` describe, all of them. Throws `decode_error`.
template <shippable T>
[[nodiscard]] T decode_all(std::span<const std::byte> bytes) {
    wire_reader in(bytes);
    T value = detail::get<T>(in);
    in.expect_end("a value");
    return value;
}

}  // namespace yoke

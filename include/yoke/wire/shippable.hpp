// SPDX-License-Identifier: MIT
#pragma once

/// Which values may cross to another process. Decided by type, when the program is compiled.
///
///     static_assert(yoke::shippable<std::map<std::string, std::vector<double>>>);
///     static_assert(!yoke::shippable<std::string_view>);
///     static_assert(yoke::shippable_call<decltype(parse), std::string>);   // function, arguments and result
///
/// These cross, nested as one likes:
///
/// - numbers, bool, enums, function pointers and member pointers (a worker is a fork of this very program, so
///   they mean the same there); trivially copyable classes with a default constructor that are no views;
/// - std::string and the other strings, standard containers whose comparison and hash have no state, std::array,
///   optional, variant, pair, tuple, complex, durations and time points, filesystem::path, error_code;
/// - empty function objects, captureless lambdas among them, and `yoke::bind_values(f, values...)`;
/// - aggregates of such, up to 24 members, C arrays included, also those that contain themselves in a container;
/// - whatever has a `yoke::codec`.
///
/// Pointers, references, views, smart pointers, std::function and lambdas with captures do not, nor does
/// anything that holds one. A trivially copyable class with private members is copied as it is: nobody
/// can see whether it hides a pointer.
///
/// A codec makes any other type cross, or makes one cross in another way. It writes its parts, and reads them back in
/// the same order:
///
///     template <>
///     struct yoke::codec<my::date> {
///         static void encode(wire_writer& out, const my::date& value) { yoke::encode(out, value.days()); }
///         static my::date decode(wire_reader& in) { return my::date(yoke::decode<int>(in)); }
///     };
///
/// with `yoke::encode` and `yoke::decode` from <yoke/wire/codec.hpp>. `encode` runs twice for each value, first to
/// count the bytes; `static std::size_t size(const my::date&)`, if there is one, is called instead of the first.
/// A type with a cereal serialize() needs one line: <yoke/adapter/cereal.hpp>.

#include <yoke/concept/receiver.hpp>  // for call_result
#include <yoke/detail/base/reflect.hpp>
#include <yoke/wire/stream.hpp>

#include <array>
#include <concepts>
#include <cstddef>
#include <functional>
#include <optional>
#include <span>
#include <string_view>
#include <system_error>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>

namespace yoke {

/// How values of `T` cross to another process; specialise it for a type that would not cross, or not
/// as it should.
template <class T>
struct codec;

/// An error code of the two categories that every process has. Others throw `unsupported` when they are encoded,
/// as the other side would have to trust an address.
template <>
struct codec<std::error_code> {
    static void encode(wire_writer& out, const std::error_code& code) {
        const bool system = code.category() == std::system_category();
        if (!system && code.category() != std::generic_category())
            throw unsupported(std::string("an error code of category ") + code.category().name() +
                              " cannot cross to another process; only generic and system codes can");
        out.number(static_cast<unsigned char>(system));
        out.number(code.value());
    }
    static std::error_code decode(wire_reader& in) {
        const bool system = in.flag("the category of an error code");
        const auto value = in.number<int>("an error code");
        return {value, system ? std::system_category() : std::generic_category()};
    }
};

template <class F, class... Values>
class bound_values;

namespace detail {

/// How a type crosses, or why it does not, without a look at its parts.
enum class crossing {
    by_codec,
    as_scalar,
    as_bytes,
    as_nothing,
    as_path,
    as_optional,
    as_variant,
    as_pair,
    as_tuple,
    as_array,
    as_container,
    as_bound_values,
    by_member,
    // From here on it does not.
    text_pointer,
    pointer,
    reference,
    reference_wrapper,
    string_view,
    span,
    smart_pointer,
    function_wrapper,
    lambda,
    unknown
};

template <class T, template <class...> class Template>
inline constexpr bool is_a = false;
template <class... Types, template <class...> class Template>
inline constexpr bool is_a<Template<Types...>, Template> = true;

template <class T>
inline constexpr bool is_array_of_values = false;
template <class T, std::size_t N>
inline constexpr bool is_array_of_values<std::array<T, N>> =
    std::default_initializable<T>&& std::is_move_assignable_v<T>;
template <class T, std::size_t N>
inline constexpr bool is_array_of_values<T[N]> = std::is_array_v<T> || is_array_of_values<std::array<T, N>>;

template <class T>
inline constexpr bool is_span = false;
template <class T, std::size_t Extent>
inline constexpr bool is_span<std::span<T, Extent>> = true;

template <class T>
concept text_character = std::same_as<T, char> || std::same_as<T, wchar_t> || std::same_as<T, char8_t> ||
    std::same_as<T, char16_t> || std::same_as<T, char32_t>;

template <class T>
concept has_codec = requires {
    sizeof(codec<T>);
};

template <class T>
concept has_whole_codec = requires(const T& value, wire_writer& out, wire_reader& in) {
    codec<T>::encode(out, value);
    { codec<T>::decode(in) } -> std::same_as<T>;
};

template <class T>
concept path_like = requires(const T& path) {
    typename T::string_type;
    { path.native() } -> std::same_as<const typename T::string_type&>;
    T(typename T::string_type());
};

template <class Iterator, class C>
C declares_begin(Iterator (C::*)() const);

/// `begin` is the type's own: what is derived from a container holds more than the container.
template <class C>
concept own_begin = requires {
    { declares_begin<typename C::const_iterator>(&C::begin) } -> std::same_as<C>;
};

template <class C>
inline constexpr bool orders_without_state = true;
template <class C>
    requires requires { typename C::key_compare; }
inline constexpr bool orders_without_state<C> = std::is_empty_v<typename C::key_compare>;
template <class C>
    requires requires { typename C::hasher; }
inline constexpr bool orders_without_state<C> =
    std::is_empty_v<typename C::hasher> && std::is_empty_v<typename C::key_equal>;

template <class C>
concept sequence_like = requires(C& c, typename C::value_type element) {
    c.push_back(std::move(element));
};

template <class C>
concept set_like = requires(C& c, typename C::value_type element) {
    typename C::key_type;
    c.insert(c.end(), std::move(element));
};

/// A container, by its shape, so that no header of a container is needed here.
template <class C>
concept container_like = std::is_class_v<C> && std::default_initializable<C> && requires(const C& c) {
    typename C::value_type;
    typename C::allocator_type;
    { c.size() } -> std::convertible_to<std::size_t>;
    c.begin();
    c.end();
} && own_begin<C> && orders_without_state<C> &&(sequence_like<C> || set_like<C>);

template <class T>
concept view_or_pointer_like = requires(const T& value) {
    value.begin();
}
|| requires(const T& value) { *value; }
|| requires(const T& value) { value.operator->(); }
|| requires(const T& value) { value.address(); }
|| std::same_as<T, std::error_condition>;

template <class T>
concept smart_pointer_like = requires {
    typename T::element_type;
}
&&(
    requires(const T& value) { value.get(); } || requires(const T& value) { value.lock(); });

/// Trivially copyable, default constructible and opaque. A lambda with captures has no default constructor.
template <class T>
concept plain_bytes = std::is_class_v<T> && std::is_trivially_copyable_v<T> && std::copy_constructible<T> &&
    std::default_initializable<T>;

template <class T>
concept closure_like =
    std::is_class_v<T> && !std::is_aggregate_v<T> && !std::default_initializable<T> && requires {
    &T::operator();
};

template <class T>
consteval crossing find_crossing() {
    using enum crossing;
    if constexpr (std::is_reference_v<T>) {
        return reference;
    } else if constexpr (std::is_const_v<T> || std::is_volatile_v<T>) {
        return unknown;
    } else if constexpr (has_codec<T>) {
        return has_whole_codec<T> ? by_codec : unknown;
    } else if constexpr (std::is_pointer_v<T> && !std::is_function_v<std::remove_pointer_t<T>>) {
        return text_character<std::remove_cv_t<std::remove_pointer_t<T>>> ? text_pointer : pointer;
    } else if constexpr (std::is_null_pointer_v<T>) {
        return pointer;
    } else if constexpr (is_array_of_values<T>) {
        return as_array;
    } else if constexpr (!std::is_class_v<T>) {
        return std::is_trivially_copyable_v<T> && !std::is_union_v<T> && !std::is_array_v<T> ? as_scalar
                                                                                             : unknown;
    } else if constexpr (is_a<T, bound_values>) {
        return as_bound_values;
    } else if constexpr (is_a<T, std::reference_wrapper>) {
        return reference_wrapper;
    } else if constexpr (is_a<T, std::basic_string_view>) {
        return string_view;
    } else if constexpr (is_span<T>) {
        return span;
    } else if constexpr (is_a<T, std::function>) {
        return function_wrapper;
    } else if constexpr (is_a<T, std::optional>) {
        return as_optional;
    } else if constexpr (is_a<T, std::variant>) {
        return as_variant;
    } else if constexpr (is_a<T, std::pair>) {
        return as_pair;
    } else if constexpr (is_a<T, std::tuple>) {
        return as_tuple;
    } else if constexpr (path_like<T>) {
        return as_path;
    } else if constexpr (container_like<T>) {
        return as_container;
    } else if constexpr (smart_pointer_like<T>) {
        return smart_pointer;
    } else if constexpr (std::is_empty_v<T> && plain_bytes<T>) {
        return as_nothing;
    } else if constexpr (std::is_aggregate_v<T>) {
        return reflectable<T> ? by_member : unknown;
    } else if constexpr (plain_bytes<T> && !view_or_pointer_like<T>) {
        return as_bytes;
    } else {
        return closure_like<T> ? lambda : unknown;
    }
}

template <class T>
inline constexpr crossing crossing_of = find_crossing<T>();

/// The types a value consists of.
template <class T>
struct parts_of {
    using type = type_list<>;
};
template <class T, std::size_t N>
struct parts_of<T[N]> {
    using type = type_list<T>;
};
template <class T, std::size_t N>
struct parts_of<std::array<T, N>> {
    using type = type_list<T>;
};
template <class T>
struct parts_of<std::optional<T>> {
    using type = type_list<T>;
};
template <class A, class B>
struct parts_of<std::pair<A, B>> {
    using type = type_list<std::remove_const_t<A>, std::remove_const_t<B>>;
};
template <class... Types>
struct parts_of<std::tuple<Types...>> {
    using type = type_list<Types...>;
};
template <class... Types>
struct parts_of<std::variant<Types...>> {
    using type = type_list<Types...>;
};
template <class F, class... Values>
struct parts_of<bound_values<F, Values...>> {
    using type = type_list<F, Values...>;
};
template <class T>
    requires(crossing_of<T> == crossing::as_container)
struct parts_of<T> {
    using type = type_list<typename T::value_type>;
};

template <class List>
struct field_types;
template <class... Fields>
struct field_types<type_list<Fields...>> {
    using type = type_list<std::remove_const_t<Fields>...>;
    static constexpr bool assignable = (std::is_move_assignable_v<std::remove_all_extents_t<Fields>> && ...);
};

template <class T>
    requires(crossing_of<T> == crossing::by_member)
struct parts_of<T> {
    using type = typename field_types<field_list<T>>::type;
};

template <class T>
consteval bool find_bitwise();

/// Copied as it lies in memory, in one piece, and so are many of them side by side.
template <class T>
inline constexpr bool bitwise = find_bitwise<T>();

template <class... Parts>
consteval bool all_bitwise(type_list<Parts...>) {
    return (bitwise<Parts> && ...);
}

template <class T>
consteval bool find_bitwise() {
    constexpr crossing how = crossing_of<T>;
    if constexpr (how == crossing::as_scalar || how == crossing::as_bytes || how == crossing::as_nothing)
        return true;
    else if constexpr (how == crossing::as_array || how == crossing::by_member)
        return std::is_trivially_copyable_v<T> && sizeof(T) != 0 && !std::is_empty_v<T> &&
               (std::copy_constructible<T> || std::is_array_v<T>)&&all_bitwise(typename parts_of<T>::type());
    else
        return false;
}

/// Members that cross one by one are assigned.
template <class T>
inline constexpr bool assigns_members = true;
template <class T>
    requires(crossing_of<T> == crossing::by_member)
inline constexpr bool assigns_members<T> = bitwise<T> || field_types<field_list<T>>::assignable;

template <class T, class... Seen>
consteval auto find_obstacle();

template <class... Seen>
consteval auto find_obstacle_in(type_list<>) {
    return std::type_identity<void>();
}

template <class... Seen, class First, class... Rest>
consteval auto find_obstacle_in(type_list<First, Rest...>) {
    using first = decltype(find_obstacle<First, Seen...>());
    if constexpr (std::is_void_v<typename first::type>)
        return find_obstacle_in<Seen...>(type_list<Rest...>());
    else
        return first();
}

/// The innermost type because of which `T` cannot cross, void if there is none. `Seen` are the types around it: one
/// that contains itself crosses if all else in it does.
template <class T, class... Seen>
consteval auto find_obstacle() {
    if constexpr (crossing_of<T> >= crossing::text_pointer || !assigns_members<T>)
        return std::type_identity<T>();
    else if constexpr ((std::is_same_v<T, Seen> || ...))
        return std::type_identity<void>();
    else if constexpr (crossing_of<T> == crossing::by_member)
        return find_obstacle_in<Seen..., T>(typename parts_of<T>::type());
    else
        return find_obstacle_in<Seen...>(typename parts_of<T>::type());
}

template <class T>
using obstacle_in = typename decltype(find_obstacle<T>())::type;

}  // namespace detail

/// Values of this type cross to another process.
template <class T>
concept shippable = std::same_as<T, std::decay_t<T>> && !std::is_void_v<T> && std::move_constructible<T> &&
                    std::is_void_v<detail::obstacle_in<T>>;

/// A function pointer, an empty function object, or a callable object whose members can cross; decayed, as a call
/// copies it.
template <class F>
concept shippable_callable = shippable<std::decay_t<F>>;

/// `f(args...)` can be made in another process: function, arguments and result can cross.
template <class F, class... Args>
concept shippable_call = callable_with<F, Args...> && shippable_callable<F> &&
                         (shippable<std::decay_t<Args>>&&...) &&
                         (std::is_void_v<call_result<F, Args...>> || shippable<call_result<F, Args...>>);

}  // namespace yoke

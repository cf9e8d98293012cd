// SPDX-License-Identifier: MIT
#pragma once

/// The members of an aggregate, without a macro in the user's type.
///
///     struct point { int x; double y; };
///     field_count<point>                       // 2
///     field_list<point>                        // type_list<int, double>
///     visit_fields(p, [](auto&... field) {});  // called with p.x, p.y
///
/// Members are counted by asking the compiler how many initialisers `T{...}` takes, and named by a structured
/// binding. An array member takes as many initialisers as it has elements, so those are found and counted as one.
/// What cannot be taken apart is not `reflectable`: no aggregate, base classes, references, a union, more than
/// `field_limit` members, or an array or a constant beside a member that has no default constructor. Two things no
/// compiler lets us ask about end in its own error message: bit-fields and anonymous unions.

#include <concepts>
#include <cstddef>
#include <cstdlib>
#include <type_traits>
#include <utility>

namespace yoke::detail {

/// Types, as a value.
template <class... Types>
struct type_list {};

/// Most members an aggregate may have.
inline constexpr std::size_t field_limit = 24;

/// The body of conversions that exist so that the compiler can be asked about them.
[[noreturn]] inline void never_called() noexcept { std::abort(); }

/// Converts to any type.
struct any_field {
    template <class T>
    operator T() const noexcept {
        never_called();
    }
};

/// Is `T` with `= {}`, as the tags of the standard library are not.
template <class T>
concept implicitly_default = requires(void (&take)(T)) {
    take({});
};

/// Converts to any type that is not a tag: inside braces a tag may choose a constructor (std::tuple's with an
/// allocator, for instance) whose body does not compile.
struct any_element {
    template <class T>
        requires(!std::is_empty_v<T> || implicitly_default<T>)
    operator T() const noexcept { never_called(); }
};

/// Converts to nothing.
struct no_field {};

/// Converts to base classes of `T` only.
template <class T>
struct any_base_of {
    template <class Base>
        requires(std::is_base_of_v<Base, T> && !std::is_same_v<Base, T>)
    operator Base() const noexcept { never_called(); }
};

template <std::size_t>
using any_field_at = any_field;
template <std::size_t>
using any_element_at = any_element;

template <class T, std::size_t... I>
consteval bool takes_fields(std::index_sequence<I...>) {
    return requires { T{any_field_at<I>()...}; };
}

/// `T{...}` takes `Count` initialisers.
template <class T, std::size_t Count>
inline constexpr bool takes = takes_fields<T>(std::make_index_sequence<Count>());

template <class T, std::size_t... Before, std::size_t... Nested, std::size_t... After>
consteval bool takes_fields(std::index_sequence<Before...>, std::index_sequence<Nested...>,
                            std::index_sequence<After...>) {
    return requires {
        T{any_field_at<Before>()..., {any_element_at<Nested>()...}, any_field_at<After>()...};
    };
}

/// `T{...}` takes `Before` initialisers, then `Nested` in braces, then `After`.
template <class T, std::size_t Before, std::size_t Nested, std::size_t After>
inline constexpr bool takes_nested = takes_fields<T>(std::make_index_sequence<Before>(),
                                                     std::make_index_sequence<Nested>(),
                                                     std::make_index_sequence<After>());

/// Largest number in [Low, High) that Takes, knowing that Low does and High does not.
template <template <std::size_t> class Takes, std::size_t Low, std::size_t High>
consteval std::size_t search_between() {
    if constexpr (High - Low <= 1) {
        return Low;
    } else {
        constexpr std::size_t middle = Low + (High - Low) / 2;
        if constexpr (Takes<middle>::value)
            return search_between<Takes, middle, High>();
        else
            return search_between<Takes, Low, middle>();
    }
}

/// Largest number that Takes, knowing that Low does and that from some number on none does.
template <template <std::size_t> class Takes, std::size_t Low = 0, std::size_t Step = 1>
consteval std::size_t search_up() {
    if constexpr (Takes<Low + Step>::value)
        return search_up<Takes, Low + Step, Step * 2>();
    else
        return search_between<Takes, Low, Low + Step>();
}

template <class T>
struct fields_of {
    template <std::size_t Count>
    using flat = std::bool_constant<takes<T, Count>>;

    /// Fewest initialisers: 0, or up to the last member that has no default constructor. Past the limit if there is no
    /// such number.
    template <std::size_t Count = 0>
    static consteval std::size_t least() {
        if constexpr (Count > field_limit || takes<T, Count>)
            return Count;
        else
            return least<Count + 1>();
    }

    /// Initialisers without inner braces: as many as there are scalars in arrays, one for every other member.
    static constexpr std::size_t initialisers = search_up<flat, least()>();

    template <std::size_t At>
    struct at {
        template <std::size_t Count>
        using nested = std::bool_constant<At + Count <= initialisers && takes_nested<T, At, Count, 0>>;

        /// How many initialisers the member that begins at initialiser `At` takes. If it is an array, braces
        /// around them make no difference to how many may follow; around those of any other member they do.
        static consteval std::size_t width() {
            if constexpr (least() != 0)
                return width_among<initialisers - At>();
            else
                return width_alone();
        }

        /// If members may not be left out: all that follow are given, for every width the member may have.
        template <std::size_t Width>
        static consteval std::size_t width_among() {
            if constexpr (Width < 2)
                return 1;
            else if constexpr (takes_nested<T, At, Width, initialisers - At - Width> &&
                               !takes_nested<T, At, Width, initialisers - At - Width + 1>)
                return Width;
            else
                return width_among<Width - 1>();
        }

        static consteval std::size_t width_alone() {
            constexpr std::size_t inner = search_up<nested>();
            if constexpr (inner < 2)
                return 1;
            else if constexpr (takes_nested<T, At, inner, initialisers - At - inner> &&
                               !takes_nested<T, At, inner, initialisers - At - inner + 1>)
                return inner;
            else
                return 1;
        }
    };

    template <std::size_t At = 0, std::size_t Count = 0>
    static consteval std::size_t members() {
        if constexpr (At == initialisers || Count > field_limit)
            return Count;
        else
            return members<At + at<At>::width(), Count + 1>();
    }
};

/// Number of members of an aggregate, arrays counting as one; a number above `field_limit` if there are more.
template <class T>
inline constexpr std::size_t field_count = fields_of<T>::template members<>();

template <class T, class First, std::size_t... I>
consteval bool takes_first(std::index_sequence<I...>) {
    return requires { T{First(), any_field_at<I>()...}; };
}

/// `T{...}` takes a `First` and then what else it must be given.
template <class T, class First>
inline constexpr bool takes_before = takes_first<T, First>(
    std::make_index_sequence<(fields_of<T>::least() < 2 ? 0 : fields_of<T>::least() - 1)>());

/// Its first initialiser is for a base class, and not for a member that is made from anything.
template <class T>
concept with_bases = takes_before<T, any_base_of<T>> && !takes_before<T, no_field>;

template <class T>
concept with_all_given = (fields_of<T>::least() <= field_limit);

template <class T>
concept with_few_fields = (field_count<T> <= field_limit);

/// `T{}` is a value, or each member has an initialiser of its own and is no reference (which cannot be assigned).
template <class T>
concept made_whole = takes<T, 0> ||
    (field_count<T> == fields_of<T>::initialisers && std::is_move_assignable_v<T>);

/// An aggregate that can be taken apart.
template <class T>
concept reflectable = std::is_class_v<T> && std::is_aggregate_v<T> && with_all_given<T> && !with_bases<T> &&
                      with_few_fields<T> && made_whole<T>;

/// Calls `visit` with a reference to each member of `value`, in order.
template <class T, class Visit>
constexpr decltype(auto) visit_fields(T& value, Visit&& visit) {
    constexpr std::size_t count = field_count<std::remove_const_t<T>>;
    static_assert(count <= field_limit, "an aggregate with more members than yoke::detail::field_limit");
    // clang-format off
    if constexpr (count == 0) return visit();
    else if constexpr (count == 1) { auto& [a] = value; return visit(a); }
    else if constexpr (count == 2) { auto& [a, b] = value; return visit(a, b); }
    else if constexpr (count == 3) { auto& [a, b, c] = value; return visit(a, b, c); }
    else if constexpr (count == 4) { auto& [a, b, c, d] = value; return visit(a, b, c, d); }
    else if constexpr (count == 5) { auto& [a, b, c, d, e] = value; return visit(a, b, c, d, e); }
    else if constexpr (count == 6) { auto& [a, b, c, d, e, f] = value; return visit(a, b, c, d, e, f); }
    else if constexpr (count == 7) { auto& [a, b, c, d, e, f, g] = value; return visit(a, b, c, d, e, f, g); }
    else if constexpr (count == 8) {
        auto& [a, b, c, d, e, f, g, h] = value;
        return visit(a, b, c, d, e, f, g, h);
    }
    else if constexpr (count == 9) {
        auto& [a, b, c, d, e, f, g, h, i] = value;
        return visit(a, b, c, d, e, f, g, h, i);
    }
    else if constexpr (count == 10) {
        auto& [a, b, c, d, e, f, g, h, i, j] = value;
        return visit(a, b, c, d, e, f, g, h, i, j);
    }
    else if constexpr (count == 11) {
        auto& [a, b, c, d, e, f, g, h, i, j, k] = value;
        return visit(a, b, c, d, e, f, g, h, i, j, k);
    }
    else if constexpr (count == 12) {
        auto& [a, b, c, d, e, f, g, h, i, j, k, l] = value;
        return visit(a, b, c, d, e, f, g, h, i, j, k, l);
    }
    else if constexpr (count == 13) {
        auto& [a, b, c, d, e, f, g, h, i, j, k, l, m] = value;
        return visit(a, b, c, d, e, f, g, h, i, j, k, l, m);
    }
    else if constexpr (count == 14) {
        auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, n] = value;
        return visit(a, b, c, d, e, f, g, h, i, j, k, l, m, n);
    }
    else if constexpr (count == 15) {
        auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o] = value;
        return visit(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o);
    }
    else if constexpr (count == 16) {
        auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p] = value;
        return visit(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p);
    }
    else if constexpr (count == 17) {
        auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q] = value;
        return visit(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q);
    }
    else if constexpr (count == 18) {
        auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r] = value;
        return visit(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r);
    }
    else if constexpr (count == 19) {
        auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s] = value;
        return visit(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s);
    }
    else if constexpr (count == 20) {
        auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t] = value;
        return visit(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t);
    }
    else if constexpr (count == 21) {
        auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u] = value;
        return visit(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u);
    }
    else if constexpr (count == 22) {
        auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u, v] = value;
        return visit(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u, v);
    }
    else if constexpr (count == 23) {
        auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u, v, w] = value;
        return visit(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u, v, w);
    }
    else if constexpr (count == 24) {
        auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u, v, w, x] = value;
        return visit(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u, v, w, x);
    }
    // clang-format on
}

struct list_of_fields {
    template <class... Fields>
    type_list<Fields...> operator()(Fields&...) const {
        return {};
    }
};

/// The types of the members of an aggregate, in order; const where the member is.
template <class T>
using field_list = decltype(visit_fields(std::declval<T&>(), list_of_fields()));

}  // namespace yoke::detail

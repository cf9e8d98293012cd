// SPDX-License-Identifier: MIT
#pragma once

/// A call as bytes: packed here, made in another process, its result unpacked here.
///
///     using call = yoke::remote_call_of<F, Args...>;
///     yoke::refuse_unshippable<F, Args...>();                 // sentences for what cannot cross
///     yoke::wire_writer out(ring.reserve(call::size(f, args...)));
///     call::encode(out, f, args...);
///     send(&call::run, ...);                                  // a yoke::call_runner: the address of a function
///
///     runner(in, sink);                                       // in the worker; throws what the call throws
///     auto result = call::decode_result(bytes);               // here again
///
/// The worker is a fork of the same program, so the address of `run` is all it needs to know which types are
/// meant. An executor on another machine has to translate that address.

#include <yoke/wire/bind_values.hpp>
#include <yoke/wire/codec.hpp>
#include <yoke/wire/shippable.hpp>

#include <cstddef>
#include <functional>
#include <span>
#include <stdexcept>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>

namespace yoke {

/// Where a worker puts the bytes of a result.
class result_sink {
public:
    /// Memory for exactly `bytes` bytes; asked for once by each call that returns. Throws if there is none.
    virtual std::span<std::byte> room(std::size_t bytes) = 0;

protected:
    ~result_sink() = default;
};

/// Reads a packed call, makes it and puts its result into the sink.
using call_runner = void (*)(wire_reader& call, result_sink& sink);

namespace detail {

template <class F>
void refuse_null(const F& f) {
    if constexpr (std::is_pointer_v<F> || std::is_member_pointer_v<F>)
        if (f == nullptr)
            throw std::invalid_argument("the function to call in another process is a null pointer");
}
template <class F, class... Values>
void refuse_null(const bound_values<F, Values...>& f) {
    refuse_null(f.function());
}

}  // namespace detail

/// The call `f(args...)` with decayed copies. All functions are thread-safe.
template <class F, class... Args>
    requires shippable_call<F, Args...>
struct remote_call {
    using result_type = call_result<F, Args...>;

    /// Bytes of the packed call. Throws std::invalid_argument if `f` is a null pointer, and what a codec of
    /// the user throws.
    [[nodiscard]] static std::size_t size(const F& f, const Args&... args) {
        wire_writer count;
        encode(count, f, args...);
        return count.size();
    }

    /// Packs the call. Neither `f` nor the arguments are changed.
    static void encode(wire_writer& out, const F& f, const Args&... args) {
        detail::refuse_null(f);
        detail::put(out, f);
        (detail::put(out, args), ...);
    }

    /// Unpacks the call, makes it, and packs its result: a reference's referent from where it lies, uncopied. Throws
    /// `decode_error` before the call is made, what the call throws, or what packing the result throws.
    static void run(wire_reader& call, result_sink& sink) {
        auto f = detail::get<F>(call);
        auto args = detail::tuple_getter<std::tuple<Args...>>::get_from(call);
        call.expect_end("a call");
        const auto make = [&]() -> decltype(auto) {
            return std::apply(
                [&](Args&... arg) -> decltype(auto) { return std::invoke(std::move(f), std::move(arg)...); },
                args);
        };
        if constexpr (std::is_void_v<result_type>) {
            make();
            sink.room(0);
        } else if constexpr (std::is_same_v<std::remove_cvref_t<decltype(make())>, result_type>) {
            pack(make(), sink);  // f and the arguments live: it may refer to them
        } else {
            pack(result_type(make()), sink);
        }
    }

    /// The result that `run` packed. Throws `decode_error` if the bytes are no such value.
    static result_type decode_result(std::span<const std::byte> bytes) {
        wire_reader in(bytes);
        if constexpr (std::is_void_v<result_type>) {
            in.expect_end("the result of a call that returns void");
        } else {
            auto result = detail::get<result_type>(in);
            in.expect_end("the result of a call");
            return result;
        }
    }

private:
    template <class Result>
    static void pack(const Result& result, result_sink& sink) {
        const std::size_t size = encoded_size(result);
        wire_writer out(sink.room(size));
        detail::put(out, result);
        if (out.size() != size)
            throw decode_error("a codec wrote " + std::to_string(out.size()) +
                               " bytes of a result that it had measured as " + std::to_string(size));
    }
};

/// The `remote_call` of what a caller passes.
template <class F, class... Args>
using remote_call_of = remote_call<std::decay_t<F>, std::decay_t<Args>...>;

namespace detail {

/// One instantiation fails with one sentence: `Obstacle` is the innermost type in `T` that cannot cross.
template <int Position, class T, class Obstacle>
struct must_cross;

/// Position of what a call returns; the function is at 0, the arguments from 1.
inline constexpr int result_position = -1;
inline constexpr int last_named_position = 9;

/// A lambda whose call operator is a template cannot be told from other classes; in the place of the function it
/// is what it most likely is.
template <int Position, class T>
consteval crossing obstacle_kind() {
    if constexpr (Position == 0 && crossing_of<T> == crossing::unknown && std::is_class_v<T> &&
                  !std::is_aggregate_v<T>)
        return crossing::lambda;
    else
        return crossing_of<T>;
}

#define YOKE_MUST_CROSS(POSITION, WHO, GIVE)                                                                 \
    template <class T, class Obstacle>                                                                       \
    struct must_cross<POSITION, T, Obstacle> {                                                               \
        static constexpr bool whole = std::is_same_v<T, Obstacle>;                                           \
        static constexpr crossing kind = obstacle_kind<POSITION, T>();                                       \
        static_assert(!whole || kind != crossing::text_pointer,                                              \
                      WHO " is a pointer to characters, which another process cannot follow: " GIVE          \
                          " std::string");                                                                   \
        static_assert(!whole || kind != crossing::pointer,                                                   \
                      WHO " is a pointer, which another process cannot follow: " GIVE                        \
                          " the value, or a handle into shared memory");                                     \
        static_assert(!whole || kind != crossing::reference_wrapper, WHO                                     \
                      " is a std::reference_wrapper, and another process has no access to the object: " GIVE \
                      " the value");                                                                         \
        static_assert(!whole || kind != crossing::string_view,                                               \
                      WHO " is a std::string_view of memory that another process does not have: " GIVE       \
                          " std::string");                                                                   \
        static_assert(!whole || kind != crossing::span,                                                      \
                      WHO " is a std::span of memory that another process does not have: " GIVE              \
                          " std::vector, or a yoke::shared_span into the arena");                            \
        static_assert(!whole || kind != crossing::smart_pointer,                                             \
                      WHO " is a smart pointer, and another process has no access to the object: " GIVE      \
                          " the value");                                                                     \
        static_assert(!whole || kind != crossing::function_wrapper,                                          \
                      WHO " is a std::function, which hides what it holds: " GIVE                            \
                          " a function pointer, a captureless lambda, or yoke::bind_values(f, values...)");  \
        static_assert(                                                                                       \
            !whole || kind != crossing::lambda,                                                              \
            WHO " is a lambda with captures, which cannot be taken apart: " GIVE                             \
                " a captureless lambda with the values as arguments, or yoke::bind_values(f, values...)");   \
        static_assert(!whole || (kind >= crossing::text_pointer && kind != crossing::reference &&            \
                                 kind != crossing::unknown),                                                 \
                      WHO " has a type that cannot cross to another process: make it an aggregate of "       \
                          "values that can, or specialise yoke::codec for it");                              \
        static_assert(                                                                                       \
            whole, WHO                                                                                       \
            " holds something that cannot cross to another process (the last argument of must_cross names "  \
            "it): replace that part by a value, or specialise yoke::codec for the type around it");          \
    }

YOKE_MUST_CROSS(result_position, "the result of the call", "return");
YOKE_MUST_CROSS(0, "the function", "pass");
YOKE_MUST_CROSS(1, "argument 1", "pass");
YOKE_MUST_CROSS(2, "argument 2", "pass");
YOKE_MUST_CROSS(3, "argument 3", "pass");
YOKE_MUST_CROSS(4, "argument 4", "pass");
YOKE_MUST_CROSS(5, "argument 5", "pass");
YOKE_MUST_CROSS(6, "argument 6", "pass");
YOKE_MUST_CROSS(7, "argument 7", "pass");
YOKE_MUST_CROSS(8, "argument 8", "pass");
YOKE_MUST_CROSS(last_named_position, "an argument after the eighth", "pass");

#undef YOKE_MUST_CROSS

template <int Position, class T>
constexpr void refuse_at() {
    if constexpr (!std::is_void_v<T> && !shippable<T>) {
        using obstacle = obstacle_in<T>;
        // Nothing in it may be in the way, but it cannot be moved either.
        using named = std::conditional_t<std::is_void_v<obstacle>, T, obstacle>;
        static_cast<void>(sizeof(must_cross<Position, T, named>));
    }
}

template <class... Args, int... I>
constexpr void refuse_arguments(std::integer_sequence<int, I...>) {
    (refuse_at<(I + 1 < last_named_position ? I + 1 : last_named_position), std::decay_t<Args>>(), ...);
}

}  // namespace detail

/// Compiles if `f(args...)` can be made in another process; if not, the compiler says which argument is in the way and
/// what to do about it. For the bodies of functions that take any call.
template <class F, class... Args>
constexpr void refuse_unshippable() {
    static_assert(callable_with<F, Args...>, "the function cannot be called with copies of these arguments");
    detail::refuse_at<0, std::decay_t<F>>();
    detail::refuse_arguments<Args...>(std::make_integer_sequence<int, static_cast<int>(sizeof...(Args))>());
    if constexpr (callable_with<F, Args...>)
        detail::refuse_at<detail::result_position, call_result<F, Args...>>();
}

}  // namespace yoke

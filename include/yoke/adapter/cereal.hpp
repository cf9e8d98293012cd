// SPDX-License-Identifier: MIT
#pragma once

/// Types with a cereal serialize() cross to worker processes. Link `yoke::cereal`.
///
///     #include <cereal/types/memory.hpp>               // what the type's own serialize() needs
///     #include <yoke/adapter/cereal.hpp>
///
///     template <>
///     struct yoke::codec<my::order> : yoke::cereal_codec<my::order> {};
///
///     pool.submit(price, my::order(...));              // argument, result, or a part of either
///
/// One line for each type, next to the type, so that every file of a program that sends it agrees on how. All that cereal
/// offers works: serialize, load and save, inside the class or outside, versions, smart pointers, base classes. (Types behind a
/// pointer to their base are registered as for any archive, after this header is included.) What stands between values
/// is written with no text and no names.
///
/// The reader trusts nothing, as that of every codec: it stays within its bytes, a bool is 0 or 1, and a container's size is
/// compared with the bytes that are left before it is made. So elements that write nothing at all cannot cross in a
/// container. Whatever else cereal itself finds wrong is a `cereal::Exception`.

#if !defined(__cpp_rtti)
#error                                                                                                       \
    "cereal, and so yoke/adapter/cereal.hpp, needs run-time type information; do not compile this file with -fno-rtti"
#endif

#include <yoke/wire/shippable.hpp>
#include <yoke/wire/stream.hpp>

#include <cereal/cereal.hpp>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <memory>  // for addressof
#include <type_traits>

namespace yoke {

/// A cereal archive that writes where a codec writes, or only counts. Not thread-safe.
class cereal_output : public ::cereal::OutputArchive<cereal_output, ::cereal::AllowEmptyClassElision> {
public:
    /// `out` must outlive the archive.
    explicit cereal_output(wire_writer& out) : OutputArchive(this), out_(out) {}

    [[nodiscard]] wire_writer& wire() noexcept { return out_; }

private:
    wire_writer& out_;
};

/// A cereal archive that reads what `cereal_output` wrote. Throws decode_error. Not thread-safe.
class cereal_input : public ::cereal::InputArchive<cereal_input, ::cereal::AllowEmptyClassElision> {
public:
    /// `in` must outlive the archive.
    explicit cereal_input(wire_reader& in) : InputArchive(this), in_(in) {}

    [[nodiscard]] wire_reader& wire() noexcept { return in_; }

private:
    wire_reader& in_;
};

// What cereal calls for the things that every archive has to know. Their names are cereal's.

template <class Number>
    requires std::is_arithmetic_v<Number>
void CEREAL_SAVE_FUNCTION_NAME(cereal_output& archive, const Number& value) { archive.wire().number(value); }

template <class Number>
    requires std::is_arithmetic_v<Number>
void CEREAL_LOAD_FUNCTION_NAME(cereal_input& archive, Number& value) {
    if constexpr (std::is_same_v<Number, bool>)
        value = archive.wire().flag("a bool");
    else
        value = archive.wire().template number<Number>("a number");
}

/// Names are for other archives.
template <class T>
void CEREAL_SAVE_FUNCTION_NAME(cereal_output& archive, const ::cereal::NameValuePair<T>& pair) {
    archive(pair.value);
}
template <class T>
void CEREAL_LOAD_FUNCTION_NAME(cereal_input& archive, ::cereal::NameValuePair<T>& pair) {
    archive(pair.value);
}

template <class T>
void CEREAL_SAVE_FUNCTION_NAME(cereal_output& archive, const ::cereal::SizeTag<T>& tag) {
    archive.wire().length(static_cast<std::size_t>(tag.size));
}
template <class T>
void CEREAL_LOAD_FUNCTION_NAME(cereal_input& archive, ::cereal::SizeTag<T>& tag) {
    tag.size = static_cast<std::remove_reference_t<T>>(archive.wire().length("the size of a container"));
}

/// Many numbers side by side.
template <class T>
void CEREAL_SAVE_FUNCTION_NAME(cereal_output& archive, const ::cereal::BinaryData<T>& data) {
    archive.wire().bytes(data.data, static_cast<std::size_t>(data.size));
}
template <class T>
void CEREAL_LOAD_FUNCTION_NAME(cereal_input& archive, ::cereal::BinaryData<T>& data) {
    archive.wire().bytes_into(data.data, static_cast<std::size_t>(data.size), "numbers");
}

/// The base of a codec for a type that cereal can write and read. `T` must have a default constructor.
template <class T>
struct cereal_codec {
    /// Appends the value. Throws what its serialize() throws.
    static void encode(wire_writer& out, const T& value) {
        if constexpr (writes()) {
            cereal_output archive(out);
            archive(value);
        }
    }
    /// Takes the next value. Throws decode_error, cereal::Exception and what its serialize() throws.
    static T decode(wire_reader& in) {
        T value{};
        if constexpr (reads()) {
            cereal_input archive(in);
            archive(value);
        }
        return value;
    }

private:
    static constexpr bool writes() {
        constexpr bool can = ::cereal::traits::is_output_serializable<T, cereal_output>::value;
        static_assert(can, "yoke::cereal_codec<T>: cereal cannot write a T: give it a serialize() (or save() "
                           "and load()), and "
                           "include cereal's header for each type in it");
        return can;
    }
    static constexpr bool reads() {
        static_assert(std::default_initializable<T>,
                      "yoke::cereal_codec<T>: T has no default constructor, which is what is read into");
        return ::cereal::traits::is_input_serializable<T, cereal_input>::value;
    }
};

}  // namespace yoke

CEREAL_REGISTER_ARCHIVE(yoke::cereal_output)
CEREAL_REGISTER_ARCHIVE(yoke::cereal_input)
CEREAL_SETUP_ARCHIVE_TRAITS(yoke::cereal_input, yoke::cereal_output)

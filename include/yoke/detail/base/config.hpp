// SPDX-License-Identifier: MIT
#pragma once

/// Compiler differences, and the two forms of the library, in one place.
///
/// Header-only (the default): every function is in a header. Compiled (the CMake target yoke::compiled defines
/// YOKE_COMPILED): functions that are no templates, and are long or seldom called, stand in `x.ipp` beside `x.hpp`, and
/// the target compiles them once, into a static library. Otherwise `x.hpp` includes `x.ipp` at its end.
///
/// All of a program has one form: with both, functions and classes would be there twice, from different builds. The
/// linker refuses a mixture, because a variable that each object file holds is thread_local in one form and not in the
/// other.

#if defined(YOKE_COMPILED)
#define YOKE_IS_HEADER_ONLY 0
/// Marks the functions that an .ipp defines.
#define YOKE_INLINE
#define YOKE_FORM thread_local
#else
#define YOKE_IS_HEADER_ONLY 1
#define YOKE_INLINE inline
#define YOKE_FORM
#endif

#if defined(__GNUC__)
namespace yoke::detail {
// Hidden: two shared libraries may have different forms, as they may have different versions.
[[gnu::used, gnu::visibility("hidden")]] inline YOKE_FORM char compiled_and_header_only_in_one_program = 0;
}  // namespace yoke::detail
#endif
#undef YOKE_FORM

#if defined(__GNUC__)
/// Marks inline variables and functions with static state: with default visibility, two shared libraries
/// compiled with -fvisibility=hidden still share the one instance.
#define YOKE_SHARED_STATE __attribute__((visibility("default")))
/// Marks functions of templates that are large and rare, or called from several places: fewer copies to compile.
#define YOKE_NOINLINE __attribute__((noinline))
#else
#define YOKE_SHARED_STATE
#define YOKE_NOINLINE
#endif

#if defined(__SANITIZE_ADDRESS__)
#define YOKE_ADDRESS_SANITIZER
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define YOKE_ADDRESS_SANITIZER
#endif
#endif

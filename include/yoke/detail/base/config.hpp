// SPDX-License-Identifier: MIT
#pragma once

/// Compiler differences, in one place.

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

# SPDX-License-Identifier: MIT
# Flags for yoke's own tests, benchmarks, examples and header self-test. Users of the library get none of them.
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
if(NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
    set(CMAKE_BUILD_TYPE Release CACHE STRING "Build type" FORCE)
endif()
find_program(YOKE_CCACHE ccache)
mark_as_advanced(YOKE_CCACHE)
if(YOKE_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
    set(CMAKE_CXX_COMPILER_LAUNCHER ${YOKE_CCACHE})
endif()

add_compile_options(-Wall -Wextra -Wconversion)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # g++ 12 sees copies of impossible sizes in std::string once it has inlined it (GCC bugs 105329, 105651).
    add_compile_options(-Wno-array-bounds -Wno-restrict -Wno-stringop-overflow)
endif()
if(YOKE_WERROR)
    add_compile_options(-Werror)
endif()

if(YOKE_SANITIZE)
    add_compile_options(-fsanitize=${YOKE_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
    add_link_options(-fsanitize=${YOKE_SANITIZE})
    if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
        # g++ sees uninitialised variables in the code the sanitizers add; the thread sanitizer's warning is that it
        # does not see std::atomic_thread_fence.
        add_compile_options(-Wno-maybe-uninitialized -Wno-tsan)
    elseif(YOKE_SANITIZE MATCHES "thread")
        # clang++ links the thread sanitizer's own operator new, which a program cannot replace, as some tests do. clang does
        # not; then that of the C++ library calls the sanitizer's malloc.
        add_link_options(--driver-mode=gcc)
        link_libraries(stdc++ m)
    endif()
endif()

# SPDX-License-Identifier: MIT
# What tests, benchmarks and examples are built with: an installed package if there is one, else a download.
# Versions are not asked for, so that whatever a distribution ships is taken. What is too big to be downloaded by the
# way (SQLite, libcurl, TBB ...) is only looked for.
include(FetchContent)
list(APPEND CMAKE_MODULE_PATH ${yoke_SOURCE_DIR}/cmake)
set(CATCH_INSTALL_DOCS OFF)
set(BENCHMARK_ENABLE_TESTING OFF)
set(BENCHMARK_ENABLE_INSTALL OFF)

function(yoke_declare name repository tag)
    FetchContent_Declare(
        ${name}
        GIT_REPOSITORY https://github.com/${repository}.git
        GIT_TAG ${tag}
        GIT_SHALLOW ON
        SYSTEM
        FIND_PACKAGE_ARGS
    )
endfunction()

if(YOKE_BUILD_TESTS)
    yoke_declare(Catch2 catchorg/Catch2 v3.5.4)
    FetchContent_MakeAvailable(Catch2)
    if(DEFINED catch2_SOURCE_DIR)
        list(APPEND CMAKE_MODULE_PATH ${catch2_SOURCE_DIR}/extras)
    endif()
endif()
if(YOKE_BUILD_BENCH)
    yoke_declare(benchmark google/benchmark v1.8.3)
    FetchContent_MakeAvailable(benchmark)
endif()
if(YOKE_BUILD_EXAMPLES)
    yoke_declare(CLI11 CLIUtils/CLI11 v2.4.1)
    yoke_declare(nlohmann_json nlohmann/json v3.11.3)
    FetchContent_MakeAvailable(CLI11 nlohmann_json)
    find_package(CURL QUIET)
    find_package(httplib QUIET)
endif()

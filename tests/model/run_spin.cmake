# SPDX-License-Identifier: MIT
# cmake -D MODEL=<file> -D SPIN=<program> -D CC=<program> -D WORK_DIR=<folder> -P run_spin.cmake
# Fails unless the exhaustive search of the model ends, complete, as the first line of the model expects.
cmake_minimum_required(VERSION 3.25)
if(NOT SPIN OR NOT CC)
    message("SKIPPED: spin or a C compiler was not found")
    return()
endif()

set(cc_flags -O2 -DSAFETY)
set(pan_flags "")
set(expect ok)
file(STRINGS ${MODEL} first LIMIT_COUNT 1)
if(first MATCHES "spin:")
    if(NOT first MATCHES "^/\\* spin:([^|]*)\\|([^|]*)\\| *expect: *(ok|error) *\\*/ *$")
        message(FATAL_ERROR "first line not understood: ${first}")
    endif()
    set(expect ${CMAKE_MATCH_3})
    set(pan_flags ${CMAKE_MATCH_2})
    separate_arguments(cc_flags UNIX_COMMAND "-O2 ${CMAKE_MATCH_1}")
    separate_arguments(pan_flags UNIX_COMMAND "${pan_flags}")
endif()

function(run)
    execute_process(
        COMMAND ${ARGN}
        WORKING_DIRECTORY ${WORK_DIR}
        OUTPUT_VARIABLE output
        ERROR_VARIABLE output
        RESULT_VARIABLE result
    )
    message("${output}")
    if(NOT result EQUAL 0)
        message(FATAL_ERROR "failed (${result}): ${ARGN}")
    endif()
    set(output "${output}" PARENT_SCOPE)
endfunction()

file(REMOVE_RECURSE ${WORK_DIR})
file(MAKE_DIRECTORY ${WORK_DIR})
run(${SPIN} -a ${MODEL})
run(${CC} ${cc_flags} -w -o pan pan.c)
run(./pan ${pan_flags})

if(NOT output MATCHES "errors: ([0-9]+)")
    message(FATAL_ERROR "the verifier did not say how many errors it found")
endif()
set(errors ${CMAKE_MATCH_1})
if(expect STREQUAL "error")
    if(errors EQUAL 0)
        message(FATAL_ERROR "no error was found, but the model is wrong on purpose")
    elseif(output MATCHES "max search depth too small")
        message(FATAL_ERROR "the search was not complete: it needs a greater -m")
    endif()
else()
    if(NOT errors EQUAL 0)
        message(FATAL_ERROR "errors: ${errors}; `spin -t -p -g ${MODEL}` in ${WORK_DIR} shows the way to the first")
    elseif(output MATCHES "Search not completed|max search depth too small|out of memory|hash factor: 0")
        message(FATAL_ERROR "the search was not complete")
    endif()
endif()

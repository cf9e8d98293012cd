# SPDX-License-Identifier: MIT
# cmake -D TEXT=<text> -P expect_failure.cmake -- <program> <argument>...
# The program must end by itself with an exit code that is not 0, and with one line on stderr that contains TEXT.
cmake_minimum_required(VERSION 3.25)
include(${CMAKE_CURRENT_LIST_DIR}/run_program.cmake)
if(NOT code MATCHES "^[1-9][0-9]*$")
    message(FATAL_ERROR "the exit code is '${code}'\n${output}${error}")
elseif(NOT error MATCHES "^[^\n]+\n$")
    message(FATAL_ERROR "stderr is not one line:\n${error}")
endif()
string(FIND "${error}" "${TEXT}" position)
if(position EQUAL -1)
    message(FATAL_ERROR "stderr does not say '${TEXT}':\n${error}")
endif()
message(STATUS "${error}")

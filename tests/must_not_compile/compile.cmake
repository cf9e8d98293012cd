# SPDX-License-Identifier: MIT
# cmake -D FILE=<file> -D COMPILER=<program> -D FLAGS=<list> [-D DEFINITION=<macro>] -P compile.cmake
# With a definition: fails unless the file compiles. Without: fails unless the compiler refuses the file with a message
# that contains the words of each of its `// expect: <words>` lines.
cmake_minimum_required(VERSION 3.25)
if(DEFINITION)
    list(APPEND FLAGS -D${DEFINITION})
endif()
set(ENV{LC_ALL} C)
execute_process(
    COMMAND ${COMPILER} ${FLAGS} -Wall -Wextra -fsyntax-only ${FILE}
    OUTPUT_VARIABLE output
    ERROR_VARIABLE output
    RESULT_VARIABLE result
)
message("${output}")
if(DEFINITION)
    if(NOT result EQUAL 0)
        message(FATAL_ERROR "${FILE} does not compile with ${DEFINITION}: it fails for another reason than it says")
    endif()
    return()
endif()

if(result EQUAL 0)
    message(FATAL_ERROR "${FILE} compiles")
elseif(NOT result EQUAL 1 OR output MATCHES "internal compiler error")
    message(FATAL_ERROR "the compiler did not refuse ${FILE}, it failed: ${result}")
endif()
file(READ ${FILE} text)
if(NOT text MATCHES "^// expect: ")
    message(FATAL_ERROR "the first line of ${FILE} is not `// expect: <words>`")
endif()
# Neither list separators nor brackets may tear a line apart.
foreach(variable IN ITEMS text output)
    string(REPLACE ";" "," ${variable} "${${variable}}")
    string(REPLACE "[" "(" ${variable} "${${variable}}")
    string(REPLACE "]" ")" ${variable} "${${variable}}")
endforeach()
string(REGEX MATCHALL "// expect: [^\n]+" lines "${text}")
foreach(line IN LISTS lines)
    string(REGEX REPLACE "^// expect: +" "" words "${line}")
    string(STRIP "${words}" words)
    string(FIND "${output}" "${words}" place)
    if(place EQUAL -1)
        message(FATAL_ERROR "${FILE} does not compile, but the compiler does not say: ${words}")
    endif()
endforeach()

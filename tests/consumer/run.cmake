# SPDX-License-Identifier: MIT
# Configures, builds and runs the consumer NAME; see CMakeLists.txt for the definitions it is called with.
cmake_minimum_required(VERSION 3.25)
set(source ${CMAKE_CURRENT_LIST_DIR}/${NAME})
set(prefix ${WORK_DIR}/prefix)
file(REMOVE_RECURSE ${WORK_DIR})
file(MAKE_DIRECTORY ${WORK_DIR})

# run(<words> <command>...): the command must succeed; with words, it must fail and say them.
function(run words)
    execute_process(COMMAND ${ARGN} TIMEOUT 60 OUTPUT_VARIABLE output ERROR_VARIABLE output RESULT_VARIABLE result)
    message("${output}")
    list(JOIN ARGN " " command)
    if(words STREQUAL "")
        if(NOT result EQUAL 0)
            message(FATAL_ERROR "failed (${result}): ${command}")
        endif()
        return()
    endif()
    string(REGEX REPLACE "[ \n]+" " " output "${output}")
    string(FIND "${output}" "${words}" place)
    if(result EQUAL 0 OR place EQUAL -1)
        message(FATAL_ERROR "was to fail with \"${words}\": ${command}")
    endif()
endfunction()

set(
    configure
    ${CMAKE_COMMAND}
    -S ${source}
    -G ${GENERATOR}
    -DCMAKE_CXX_COMPILER=${COMPILER}
    -DCMAKE_BUILD_TYPE=Release
    -DYOKE_SOURCE_DIR=${YOKE_SOURCE_DIR}
)

if(NAME STREQUAL "find_package")
    run("" ${CMAKE_COMMAND} --install ${YOKE_BINARY_DIR} --prefix ${prefix})
    file(GLOB_RECURSE installed RELATIVE ${prefix} ${prefix}/*)
    list(FILTER installed EXCLUDE REGEX "^(include/yoke/.*[.][hi]pp|lib.*/libyoke[.]a|share/cmake/yoke/yoke-.*[.]cmake)$")
    if(installed)
        message(FATAL_ERROR "more was installed than headers, yoke::compiled and the package: ${installed}")
    endif()

    list(APPEND configure -DCMAKE_PREFIX_PATH=${prefix})
    run("version \"99\"" ${configure} -B ${WORK_DIR}/version -DVERSION=99)
    run(
        "yoke::telepathy: there is no such adapter"
        ${configure} -B ${WORK_DIR}/component -DVERSION=0.1 -DADAPTERS=telepathy
    )
    run("" ${configure} -B ${WORK_DIR}/alone -DVERSION=0.1)
    string(REPLACE ";" "\\;" adapters "${ADAPTERS}")
    run("" ${configure} -B ${WORK_DIR}/build -DVERSION=0.1 "-DADAPTERS=${adapters}")
else()
    run("" ${configure} -B ${WORK_DIR}/build)
endif()

run("" ${CMAKE_COMMAND} --build ${WORK_DIR}/build)
run("" ${WORK_DIR}/build/program)
if(EXISTS ${WORK_DIR}/build/compiled)
    run("" ${WORK_DIR}/build/compiled)
endif()
file(GLOB compiled_library ${prefix}/lib*/libyoke.a ${prefix}/lib*/*/libyoke.a)
if(compiled_library)
    run(
        "compiled_and_header_only_in_one_program"
        ${CMAKE_COMMAND} --build ${WORK_DIR}/build --target mixed
    )
endif()

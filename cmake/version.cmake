# SPDX-License-Identifier: MIT
# yoke_read_version(<header> <variable>): the version that the header defines, as "major.minor.patch".
function(yoke_read_version header variable)
    file(STRINGS ${header} lines REGEX "^#define YOKE_VERSION_(MAJOR|MINOR|PATCH) [0-9]+$")
    set(version "")
    foreach(part IN ITEMS MAJOR MINOR PATCH)
        if(NOT lines MATCHES "YOKE_VERSION_${part} ([0-9]+)")
            message(FATAL_ERROR "${header} does not define YOKE_VERSION_${part}")
        endif()
        list(APPEND version ${CMAKE_MATCH_1})
    endforeach()
    list(JOIN version "." version)
    set(${variable} ${version} PARENT_SCOPE)
endfunction()

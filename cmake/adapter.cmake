# SPDX-License-Identifier: MIT
# An adapter is a header of include/yoke/adapter/ with one foreign library behind it and a target of its own.
#
# yoke_add_adapter(<name> PACKAGE <arguments of find_package>... LINK <target>...)
#
# <name> stands for adapter/<name>.hpp, its private headers in adapter/<name>/, and the target yoke::<name>. The target exists when the package is found;
# the header is installed in any case, because the program that uses it looks for the package again:
# find_package(yoke COMPONENTS <name>).
include_guard(GLOBAL)

set(YOKE_ADAPTERS "")

function(yoke_add_adapter name)
    cmake_parse_arguments(PARSE_ARGV 1 adapter "" "" "PACKAGE;LINK")
    set(header ${yoke_SOURCE_DIR}/include/yoke/adapter/${name}.hpp)
    if(NOT EXISTS ${header})
        message(FATAL_ERROR "the adapter ${name} has no header ${header}")
    endif()

    file(GLOB private CONFIGURE_DEPENDS ${yoke_SOURCE_DIR}/include/yoke/adapter/${name}/*.hpp)

    add_library(yoke_${name} INTERFACE)
    target_sources(
        yoke_${name} INTERFACE FILE_SET HEADERS BASE_DIRS ${yoke_SOURCE_DIR}/include FILES ${header} ${private}
    )
    target_link_libraries(yoke_${name} INTERFACE yoke ${adapter_LINK})
    set_target_properties(
        yoke_${name} PROPERTIES EXPORT_NAME ${name} YOKE_PACKAGE "${adapter_PACKAGE}"
    )

    list(GET adapter_PACKAGE 0 package)
    find_package(${adapter_PACKAGE} QUIET GLOBAL)
    if(${package}_FOUND)
        add_library(yoke::${name} ALIAS yoke_${name})
        set_target_properties(yoke_${name} PROPERTIES VERIFY_INTERFACE_HEADER_SETS ${PROJECT_IS_TOP_LEVEL})
    elseif(PROJECT_IS_TOP_LEVEL)
        message(STATUS "skipped: yoke::${name}, because ${package} was not found")
    endif()

    list(APPEND YOKE_ADAPTERS ${name})
    set(YOKE_ADAPTERS ${YOKE_ADAPTERS} PARENT_SCOPE)
endfunction()

# yoke_check_adapters(<header>...): every header of adapter/ must belong to an adapter.
function(yoke_check_adapters)
    foreach(header IN LISTS ARGN)
        string(REGEX REPLACE "^.*/adapter/([^/.]+).*$" "\\1" name ${header})
        if(NOT name IN_LIST YOKE_ADAPTERS)
            message(FATAL_ERROR "${header} belongs to no adapter; CMakeLists.txt lacks yoke_add_adapter(${name} ...)")
        endif()
    endforeach()
endfunction()

# yoke_link_adapters(<target> <name of a source file> <variable>): links the adapters that the file's name contains;
# <variable> is set to those of them that cannot be had.
function(yoke_link_adapters target name variable)
    set(missing "")
    foreach(adapter IN LISTS YOKE_ADAPTERS)
        if(NOT name MATCHES "${adapter}")
            continue()
        elseif(TARGET yoke::${adapter})
            if(TARGET ${target})
                target_link_libraries(${target} PRIVATE yoke::${adapter})
            endif()
        else()
            list(APPEND missing yoke::${adapter})
        endif()
    endforeach()
    set(${variable} "${missing}" PARENT_SCOPE)
endfunction()

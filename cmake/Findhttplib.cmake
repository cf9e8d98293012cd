# SPDX-License-Identifier: MIT
# Finds cpp-httplib: its own CMake package, else the pkg-config file that Debian's compiled one has instead. The flags
# of that file matter, since some of them change the layout of the library's classes.
find_package(httplib CONFIG QUIET)
if(NOT TARGET httplib::httplib)
    find_package(PkgConfig QUIET)
    if(PkgConfig_FOUND)
        pkg_check_modules(httplib_PC QUIET IMPORTED_TARGET cpp-httplib)
    endif()
    if(httplib_PC_FOUND)
        add_library(httplib::httplib INTERFACE IMPORTED)
        target_link_libraries(httplib::httplib INTERFACE PkgConfig::httplib_PC)
    endif()
    include(FindPackageHandleStandardArgs)
    find_package_handle_standard_args(
        httplib REQUIRED_VARS httplib_PC_LINK_LIBRARIES VERSION_VAR httplib_PC_VERSION
    )
endif()

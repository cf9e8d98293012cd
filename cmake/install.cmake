# SPDX-License-Identifier: MIT
# Installs the headers, yoke::compiled if it is built, and a package for find_package(yoke [version] [COMPONENTS adapter...]).
include(CMakePackageConfigHelpers)
include(GNUInstallDirs)

set(yoke_package_dir ${CMAKE_INSTALL_DATADIR}/cmake/yoke)

install(
    TARGETS yoke
    EXPORT yoke-targets
    FILE_SET HEADERS DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
    FILE_SET definitions DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
)
if(YOKE_BUILD_COMPILED)
    install(TARGETS yoke_compiled EXPORT yoke-targets ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
endif()
install(EXPORT yoke-targets NAMESPACE yoke:: DESTINATION ${yoke_package_dir})

# One export and one small file per adapter: a program that asks for no adapter needs none of their libraries.
foreach(adapter IN LISTS YOKE_ADAPTERS)
    get_target_property(package yoke_${adapter} YOKE_PACKAGE)
    list(GET package 0 package_name)
    list(JOIN package " " package_arguments)
    configure_file(
        ${yoke_SOURCE_DIR}/cmake/yoke-adapter.cmake.in ${yoke_BINARY_DIR}/package/yoke-${adapter}.cmake @ONLY
    )
    install(FILES ${yoke_BINARY_DIR}/package/yoke-${adapter}.cmake DESTINATION ${yoke_package_dir})
    install(
        TARGETS yoke_${adapter}
        EXPORT yoke-${adapter}-targets
        FILE_SET HEADERS DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
    )
    install(EXPORT yoke-${adapter}-targets NAMESPACE yoke:: DESTINATION ${yoke_package_dir})
endforeach()

configure_package_config_file(
    ${yoke_SOURCE_DIR}/cmake/yoke-config.cmake.in ${yoke_BINARY_DIR}/package/yoke-config.cmake
    INSTALL_DESTINATION ${yoke_package_dir}
    NO_SET_AND_CHECK_MACRO
)
# Before 1.0 a new minor version may break what compiled.
set(any_machine ARCH_INDEPENDENT)
if(YOKE_BUILD_COMPILED)
    set(any_machine "")
endif()
write_basic_package_version_file(
    ${yoke_BINARY_DIR}/package/yoke-config-version.cmake
    COMPATIBILITY SameMinorVersion
    ${any_machine}
)
install(
    FILES ${yoke_BINARY_DIR}/package/yoke-config.cmake ${yoke_BINARY_DIR}/package/yoke-config-version.cmake
    DESTINATION ${yoke_package_dir}
)

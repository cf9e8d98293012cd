# SPDX-License-Identifier: MIT
# yoke::compiled: the library with everything that is no template compiled once, into a static library. A program links
# it instead of yoke::yoke; adapters go with either. It is built if a target links it, or if YOKE_BUILD_COMPILED is on,
# which also installs it.
option(YOKE_BUILD_COMPILED "Build yoke::compiled, and install it" OFF)

# One source file for each folder: functions of one folder may be inlined into each other, and folders compile side by side.
set(sources "")
foreach(definitions IN LISTS yoke_definitions)
    cmake_path(RELATIVE_PATH definitions BASE_DIRECTORY ${CMAKE_CURRENT_SOURCE_DIR}/include OUTPUT_VARIABLE place)
    cmake_path(GET place PARENT_PATH folder)
    string(REPLACE "/" "_" source ${folder})
    list(APPEND sources ${source})
    string(APPEND text_${source} "#include <${place}>\n")
endforeach()
list(REMOVE_DUPLICATES sources)
set(files "")
foreach(source IN LISTS sources)
    set(file ${CMAKE_CURRENT_BINARY_DIR}/compiled/${source}.cpp)
    file(CONFIGURE OUTPUT ${file} CONTENT "${text_${source}}" @ONLY)
    list(APPEND files ${file})
endforeach()

add_library(yoke_compiled STATIC ${files})
add_library(yoke::compiled ALIAS yoke_compiled)
set_target_properties(
    yoke_compiled PROPERTIES EXPORT_NAME compiled OUTPUT_NAME yoke POSITION_INDEPENDENT_CODE ON
)
if(NOT YOKE_BUILD_COMPILED)
    set_target_properties(yoke_compiled PROPERTIES EXCLUDE_FROM_ALL ON)
endif()
target_compile_definitions(yoke_compiled PUBLIC YOKE_COMPILED)
target_link_libraries(yoke_compiled PUBLIC yoke)

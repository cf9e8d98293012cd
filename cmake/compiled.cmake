# SPDX-License-Identifier: MIT
# yoke::compiled: the same library with everything that is no template compiled once, into a static library. A program
# links it instead of yoke::yoke (adapters work with both) and compiles in a fraction of the time. It is built only if a target links
# it, or if YOKE_COMPILED is on, which also installs it.
option(YOKE_COMPILED "Build and install yoke::compiled" OFF)

# A few source files, each with its share of the definitions, so that they compile side by side.
set(yoke_shares 4)
foreach(share RANGE 1 ${yoke_shares})
    set(text_${share} "")
endforeach()
set(share 1)
foreach(definitions IN LISTS yoke_definitions)
    cmake_path(RELATIVE_PATH definitions BASE_DIRECTORY ${CMAKE_CURRENT_SOURCE_DIR}/include OUTPUT_VARIABLE place)
    string(APPEND text_${share} "#include <${place}>\n")
    math(EXPR share "${share} % ${yoke_shares} + 1")
endforeach()
set(sources "")
foreach(share RANGE 1 ${yoke_shares})
    set(source ${CMAKE_CURRENT_BINARY_DIR}/compiled/${share}.cpp)
    file(CONFIGURE OUTPUT ${source} CONTENT "${text_${share}}" @ONLY)
    list(APPEND sources ${source})
endforeach()

add_library(yoke_compiled STATIC ${sources})
add_library(yoke::compiled ALIAS yoke_compiled)
set_target_properties(
    yoke_compiled
    PROPERTIES EXPORT_NAME compiled OUTPUT_NAME yoke POSITION_INDEPENDENT_CODE ON EXCLUDE_FROM_ALL $<NOT:$<BOOL:${YOKE_COMPILED}>>
)
target_compile_definitions(yoke_compiled PUBLIC YOKE_COMPILED)
target_link_libraries(yoke_compiled PUBLIC yoke)

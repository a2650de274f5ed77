# The bundled web UI (ui-static/dist, made by esbuild) as a C table of files: query/ui_files.h reads it.
set(ui_out ${CMAKE_BINARY_DIR}/generated/ui_files.c)
file(GLOB_RECURSE ui_sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/ui-static/*.js ${CMAKE_SOURCE_DIR}/ui-static/*.css
     ${CMAKE_SOURCE_DIR}/ui-static/*.html ${CMAKE_SOURCE_DIR}/ui-static/*.svg)
list(FILTER ui_sources EXCLUDE REGEX "/(node_modules|dist)/")
if(NOT EXISTS ${CMAKE_SOURCE_DIR}/tools/embed_ui.py)
  add_library(weft_ui INTERFACE)
  return()
endif()
add_custom_command(OUTPUT ${ui_out}
  COMMAND ${Python3_EXECUTABLE} ${CMAKE_SOURCE_DIR}/tools/embed_ui.py ${CMAKE_SOURCE_DIR}/ui-static ${CMAKE_BINARY_DIR}/ui ${ui_out}
  DEPENDS ${ui_sources} ${CMAKE_SOURCE_DIR}/tools/embed_ui.py ${CMAKE_SOURCE_DIR}/ui-static/package.json VERBATIM)
add_library(weft_ui STATIC ${ui_out})
target_include_directories(weft_ui PRIVATE ${CMAKE_SOURCE_DIR})

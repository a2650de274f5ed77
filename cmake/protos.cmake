# proto/*.proto -> C by protoc-c, in the build folder. The generated code is the encoder of small messages and the
# oracle of the differential tests; untrusted bulk input is read by codec/'s own walker.
find_program(PROTOC_C protoc-c REQUIRED)
file(GLOB protos CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/proto/*.proto)
set(out ${CMAKE_BINARY_DIR}/generated/proto)
file(MAKE_DIRECTORY ${out})
set(generated)
foreach(proto ${protos})
  get_filename_component(stem ${proto} NAME_WE)
  add_custom_command(OUTPUT ${out}/${stem}.pb-c.c ${out}/${stem}.pb-c.h
    COMMAND ${PROTOC_C} --c_out=${out} --proto_path=${CMAKE_SOURCE_DIR}/proto ${proto}
    DEPENDS ${proto} VERBATIM)
  list(APPEND generated ${out}/${stem}.pb-c.c)
endforeach()
if(generated)
  add_library(weft_proto STATIC ${generated})
  target_include_directories(weft_proto PUBLIC ${CMAKE_BINARY_DIR}/generated ${out})
  target_link_libraries(weft_proto PUBLIC PkgConfig::PROTOBUFC)
else()
  add_library(weft_proto INTERFACE)
  target_link_libraries(weft_proto INTERFACE PkgConfig::PROTOBUFC)
endif()

# The release build of weft itself, and of what measures it, is optimised as a whole: small functions of one folder are inlined
# into another. The libraries' objects hold plain code as well (fat), so that tests link as fast as ever.
set(WEFT_LIBRARY_OPTIONS)
if(CMAKE_BUILD_TYPE STREQUAL "Release" AND CMAKE_C_COMPILER_ID STREQUAL "GNU" AND NOT WEFT_SANITIZE)
  set(WEFT_LIBRARY_OPTIONS -flto=auto -ffat-lto-objects)
  add_link_options($<IF:$<BOOL:$<TARGET_PROPERTY:WEFT_WHOLE_PROGRAM>>,-flto=auto,-fno-lto>)
endif()

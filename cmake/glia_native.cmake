# glia::native: the opt-in for fast code on the machine that compiles it. The installed package includes this file too,
# so that the instruction set is that of the user's machine and compiler, not of the one that packaged glia.
if(TARGET glia::native)
  return()
endif()
include(CheckCXXCompilerFlag)
include(CheckCXXSourceCompiles)

set(_glia_native_flags -O3)
check_cxx_compiler_flag(-march=native GLIA_HAS_MARCH_NATIVE)
if(GLIA_HAS_MARCH_NATIVE)
  list(APPEND _glia_native_flags -march=native)
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    set(CMAKE_REQUIRED_FLAGS "-march=native")
    check_cxx_source_compiles("
      #ifndef __AVX512F__
      #error
      #endif
      int main() {}" GLIA_HAS_AVX512)
    unset(CMAKE_REQUIRED_FLAGS)
    if(GLIA_HAS_AVX512)
      list(APPEND _glia_native_flags -mprefer-vector-width=512)
    endif()
  endif()
endif()

add_library(glia_native INTERFACE)
add_library(glia::native ALIAS glia_native)
target_link_libraries(glia_native INTERFACE glia::glia)
# glia_compiled.cmake compares it.
set_target_properties(glia_native PROPERTIES INTERFACE_GLIA_INSTRUCTIONS native)
foreach(_glia_flag IN LISTS _glia_native_flags)
  target_compile_options(glia_native INTERFACE "$<$<COMPILE_LANGUAGE:CXX>:${_glia_flag}>")
  if(NOT _glia_flag STREQUAL "-O3")
    target_compile_options(glia_native INTERFACE "$<$<COMPILE_LANGUAGE:CUDA>:SHELL:-Xcompiler ${_glia_flag}>")
  endif()
endforeach()
target_compile_options(glia_native INTERFACE "$<$<COMPILE_LANGUAGE:CUDA>:-O3>")

# glia::cuda_compiled and glia::cuda_compiled_native: the kernels for programs of plain .cpp files (docs/cuda.md). Static libraries that
# the user's own build compiles with its CUDA compiler, once; not built unless something links them. The pair differs as
# glia::compiled and glia::compiled_native do. Included after glia_cuda.cmake; part of the installed package too.
if(TARGET glia::cuda_compiled OR NOT TARGET glia::cuda)
  return()
endif()
if(NOT DEFINED GLIA_COMPILED_SOURCES)
  message(FATAL_ERROR "GLIA_COMPILED_SOURCES names the folder of glia's sources")
endif()

function(_glia_add_cuda_compiled name flags_target instructions)
  if(NOT CMAKE_CUDA_COMPILER_LOADED)
    # Whoever links it is told so by CMake, in the name of a target that is not there.
    add_library(glia_${name} INTERFACE)
    target_link_libraries(glia_${name} INTERFACE glia::${name}_needs_the_language_CUDA_enabled_before_glia_is_found)
  else()
    set(sources "")
    foreach(part elementwise layers operands tensor training)
      list(APPEND sources "${GLIA_COMPILED_SOURCES}/cuda/${part}.cu")
    endforeach()
    add_library(glia_${name} STATIC EXCLUDE_FROM_ALL ${sources})
    target_link_libraries(glia_${name} PUBLIC glia::cuda ${flags_target})
    set_target_properties(glia_${name} PROPERTIES POSITION_INDEPENDENT_CODE ON)
    # As for glia::compiled: code for one instruction set must not look for kernels of another.
    set_target_properties(glia_${name} PROPERTIES INTERFACE_GLIA_INSTRUCTIONS ${instructions})
    set_property(TARGET glia_${name} PROPERTY COMPATIBLE_INTERFACE_STRING GLIA_INSTRUCTIONS)
  endif()
  add_library(glia::${name} ALIAS glia_${name})
endfunction()

_glia_add_cuda_compiled(cuda_compiled glia::glia plain)
_glia_add_cuda_compiled(cuda_compiled_native glia::native native)

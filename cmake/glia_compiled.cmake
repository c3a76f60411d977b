# glia::compiled and glia::compiled_native: the compiled half (docs/design.md, "The compiled half"). Static libraries that the user's own
# build compiles, once, with its own compiler and flags; not built unless something links them. The first goes with the flags that the
# program has anyway, the second with glia::native's. Part of the installed package too.
if(TARGET glia::compiled)
  return()
endif()
if(NOT DEFINED GLIA_COMPILED_SOURCES)
  message(FATAL_ERROR "GLIA_COMPILED_SOURCES names the folder of glia's sources")
endif()

function(_glia_add_compiled name flags_target instructions)
  set(sources "")
  foreach(part tensor elementwise layers training)
    list(APPEND sources "${GLIA_COMPILED_SOURCES}/${part}.cpp")
  endforeach()
  add_library(glia_${name} STATIC EXCLUDE_FROM_ALL ${sources})
  add_library(glia::${name} ALIAS glia_${name})
  target_link_libraries(glia_${name} PUBLIC ${flags_target})
  target_compile_definitions(glia_${name} PUBLIC GLIA_COMPILED)
  set_target_properties(glia_${name} PROPERTIES POSITION_INDEPENDENT_CODE ON)
  # A program that links glia::compiled and glia::native would look for functions of one instruction set in a library of another: CMake
  # refuses it by these properties (the linker would, with names that carry the instruction set).
  set_target_properties(glia_${name} PROPERTIES INTERFACE_GLIA_INSTRUCTIONS ${instructions})
  set_property(TARGET glia_${name} PROPERTY COMPATIBLE_INTERFACE_STRING GLIA_INSTRUCTIONS)
endfunction()

_glia_add_compiled(compiled glia::glia plain)
_glia_add_compiled(compiled_native glia::native native)

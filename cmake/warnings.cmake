# The warnings that glia's own tests, examples and benchmarks are built with, and its headers must be free of.
include_guard(GLOBAL)

set(GLIA_WARNING_FLAGS -Wall -Wextra -Wpedantic -Wshadow -Wconversion)

function(glia_warnings target)
  target_compile_options(${target} PRIVATE "$<$<COMPILE_LANGUAGE:CXX>:${GLIA_WARNING_FLAGS}>")
  # GCC 12 warns of its own AVX-512 intrinsics headers, whose undefined vectors are deliberate (GCC bug 105593).
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
    target_compile_options(${target} PRIVATE "$<$<COMPILE_LANGUAGE:CXX>:-Wno-maybe-uninitialized>")
  endif()
  # Under a sanitizer, or for an unusual compiler, the optimiser's guesses are not errors.
  if(GLIA_WERROR AND NOT GLIA_SANITIZE)
    target_compile_options(${target} PRIVATE "$<$<COMPILE_LANGUAGE:CXX>:-Werror>"
                                             "$<$<COMPILE_LANGUAGE:CUDA>:SHELL:-Werror all-warnings>")
  endif()
endfunction()

# Every public header must compile alone, twice included, without a warning, under each compiler that is there. Each
# compiler gets a target (glia_headers_<compiler>) of one custom command per header, so that only headers whose
# includes changed are compiled again, and a ctest test that builds the target.
include_guard(GLOBAL)
include(warnings)

file(GLOB_RECURSE public_headers RELATIVE "${PROJECT_SOURCE_DIR}/include" CONFIGURE_DEPENDS
     "${PROJECT_SOURCE_DIR}/include/glia/*.hpp" "${PROJECT_SOURCE_DIR}/include/glia/*.cuh")
set(cuda_headers ${public_headers})
list(FILTER cuda_headers INCLUDE REGEX "/cuda[^/]*\\.hpp$|/cuda/")
set(cpu_headers ${public_headers})
list(FILTER cpu_headers EXCLUDE REGEX "/cuda[^/]*\\.hpp$|/cuda/")

set(checks_dir "${PROJECT_BINARY_DIR}/header_checks")
# Writes a file only where its text changes, so that reconfiguring compiles nothing again.
function(glia_write_tu path)
  set(text "")
  foreach(repeat 1 2)
    foreach(header IN LISTS ARGN)
      string(APPEND text "#include <${header}>\n")
    endforeach()
  endforeach()
  file(CONFIGURE OUTPUT "${path}" CONTENT "${text}")
endfunction()

set(ccache_prefix ${CMAKE_CXX_COMPILER_LAUNCHER})
get_target_property(eigen_directories Eigen3::Eigen INTERFACE_INCLUDE_DIRECTORIES)
set(eigen_flags "")
foreach(directory IN LISTS eigen_directories)
  list(APPEND eigen_flags -isystem "${directory}")
endforeach()

# glia_header_check(<name> <compiler> <extension> FLAGS ... HEADERS ...)
function(glia_header_check name compiler extension)
  cmake_parse_arguments(PARSE_ARGV 3 arg "GROUP_BY_FOLDER" "" "FLAGS;HEADERS")
  set(units "")
  foreach(header IN LISTS arg_HEADERS)
    if(arg_GROUP_BY_FOLDER)
      get_filename_component(folder "${header}" DIRECTORY)
      string(MAKE_C_IDENTIFIER "${folder}" unit)
    else()
      string(MAKE_C_IDENTIFIER "${header}" unit)
    endif()
    list(APPEND units "${unit}")
    list(APPEND headers_of_${unit} "${header}")
  endforeach()
  list(REMOVE_DUPLICATES units)
  set(objects "")
  foreach(unit IN LISTS units)
    set(source "${checks_dir}/${name}/${unit}.${extension}")
    set(object "${checks_dir}/${name}/${unit}.o")
    glia_write_tu("${source}" ${headers_of_${unit}})
    add_custom_command(OUTPUT "${object}"
      COMMAND ${ccache_prefix} "${compiler}" ${arg_FLAGS} "-I${PROJECT_SOURCE_DIR}/include" ${eigen_flags}
              -MD -MF "${object}.d" -c "${source}" -o "${object}"
      DEPENDS "${source}" DEPFILE "${object}.d" VERBATIM
      COMMENT "${name}: ${unit} alone")
    list(APPEND objects "${object}")
  endforeach()
  add_custom_target(glia_headers_${name} DEPENDS ${objects})
  add_test(NAME headers.${name} COMMAND ${CMAKE_COMMAND} --build "${PROJECT_BINARY_DIR}" --target glia_headers_${name})
  set_tests_properties(headers.${name} PROPERTIES LABELS check PROCESSORS 2 TIMEOUT 3600 RESOURCE_LOCK glia_build_tree)
endfunction()

set(host_flags -std=c++20 -O0 ${GLIA_WARNING_FLAGS} -Werror)
find_program(GLIA_GXX NAMES g++)
find_program(GLIA_CLANGXX NAMES clang++ clang++-14 clang++-15 clang++-16)
mark_as_advanced(GLIA_GXX GLIA_CLANGXX)
if(GLIA_GXX AND cpu_headers)
  glia_header_check(gxx "${GLIA_GXX}" cpp FLAGS ${host_flags} -fopenmp HEADERS ${cpu_headers})
endif()
if(GLIA_CLANGXX AND cpu_headers)
  # Without OpenMP: the serial configuration is one of the supported ones, and needs checking too.
  glia_header_check(clangxx "${GLIA_CLANGXX}" cpp FLAGS ${host_flags} HEADERS ${cpu_headers})
endif()

# nvcc is slow, so the CPU headers go folder by folder; the headers of the CUDA half each go alone.
find_program(GLIA_NVCC NAMES nvcc HINTS "$ENV{CUDA_HOME}/bin" /usr/local/cuda/bin)
mark_as_advanced(GLIA_NVCC)
if(GLIA_NVCC AND NOT GLIA_CUDA STREQUAL "OFF" AND cpu_headers)
  # Eigen (in interop_eigen.hpp) is free of nvcc's warnings only with its own CUDA support off.
  set(nvcc_flags -std=c++20 -arch=sm_90 -x cu -DEIGEN_NO_CUDA -Werror all-warnings -Xcompiler=-Wall,-Wextra,-Wshadow,-fopenmp)
  glia_header_check(nvcc "${GLIA_NVCC}" cu GROUP_BY_FOLDER FLAGS ${nvcc_flags} HEADERS ${cpu_headers})
  if(cuda_headers)
    glia_header_check(nvcc_cuda "${GLIA_NVCC}" cu FLAGS ${nvcc_flags} HEADERS ${cuda_headers})
  endif()
else()
  message(STATUS "glia: no nvcc found; headers are not checked under a CUDA compiler")
endif()

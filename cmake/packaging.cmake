# install(), the CMake package and the pkg-config file.
include(CMakePackageConfigHelpers)
include(GNUInstallDirs)

set(GLIA_PACKAGE_DIR "${CMAKE_INSTALL_DATADIR}/cmake/glia")
set(GLIA_PACKAGE_OPENMP OFF)
set(GLIA_PKGCONFIG_OPENMP "")
if(GLIA_OPENMP AND TARGET OpenMP::OpenMP_CXX)
  set(GLIA_PACKAGE_OPENMP ON)
  set(GLIA_PKGCONFIG_OPENMP "-fopenmp")
endif()

install(DIRECTORY include/glia DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}"
        FILES_MATCHING PATTERN "*.hpp" PATTERN "*.cuh" PATTERN "*.cpp" PATTERN "*.cu")
install(TARGETS glia EXPORT gliaTargets)
install(EXPORT gliaTargets NAMESPACE glia:: DESTINATION "${GLIA_PACKAGE_DIR}")

configure_package_config_file(cmake/gliaConfig.cmake.in "${PROJECT_BINARY_DIR}/package/gliaConfig.cmake"
                              INSTALL_DESTINATION "${GLIA_PACKAGE_DIR}"
                              PATH_VARS CMAKE_INSTALL_INCLUDEDIR)
write_basic_package_version_file("${PROJECT_BINARY_DIR}/package/gliaConfigVersion.cmake"
                                 COMPATIBILITY SameMinorVersion ARCH_INDEPENDENT)
install(FILES "${PROJECT_BINARY_DIR}/package/gliaConfig.cmake" "${PROJECT_BINARY_DIR}/package/gliaConfigVersion.cmake"
              cmake/glia_native.cmake cmake/glia_compiled.cmake cmake/glia_cuda.cmake cmake/glia_cuda_compiled.cmake cmake/FindcuDNN.cmake
        DESTINATION "${GLIA_PACKAGE_DIR}")

configure_file(cmake/glia.pc.in "${PROJECT_BINARY_DIR}/package/glia.pc" @ONLY)
install(FILES "${PROJECT_BINARY_DIR}/package/glia.pc" DESTINATION "${CMAKE_INSTALL_DATADIR}/pkgconfig")
install(FILES LICENSE DESTINATION "${CMAKE_INSTALL_DOCDIR}")

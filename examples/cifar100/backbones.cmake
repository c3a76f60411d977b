# The backbones' part of the flagship, included from CMakeLists.txt beside it.
target_sources(cifar100 PRIVATE backbone_name.cpp backbone_commands.cpp fine_tune_options.cpp image_folder.cpp pretrain.cpp
                                pretrain_options.cpp weight_names.cpp weight_report.cpp weights.cpp)
glia_link_image_libraries(cifar100)
if(GLIA_BUILD_TESTS)
  add_test(NAME example/cifar100_backbones COMMAND bash "${CMAKE_CURRENT_SOURCE_DIR}/backbones_test.sh" "$<TARGET_FILE:cifar100>"
                                                   "${PROJECT_SOURCE_DIR}/tests/reference/images/train")
  set_tests_properties(example/cifar100_backbones PROPERTIES LABELS example PROCESSORS 2 TIMEOUT 600)
endif()

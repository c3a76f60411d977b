# The sources of the flagship that its unit tests need, as cifar100_parts; a build of the tests alone compiles them itself.
set(cifar100_parts options cli records seeds ablate compare chart picture report report_figures report_tables resolution backbone_name
                   fine_tune_options image_folder weight_names weight_report weights)
list(TRANSFORM cifar100_parts PREPEND "${CMAKE_CURRENT_LIST_DIR}/")
list(TRANSFORM cifar100_parts APPEND ".cpp")

# Writes HEADER with the revision of the sources in SOURCE, if it changed: 12 digits, "-dirty" behind them where files differ
# from it, or "unknown" outside a repository. GIT: the program.
set(revision "unknown")
if(GIT)
  execute_process(COMMAND "${GIT}" describe --always --dirty --abbrev=12 --exclude=* WORKING_DIRECTORY "${SOURCE}"
                  OUTPUT_VARIABLE described OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET RESULT_VARIABLE failed)
  if(NOT failed)
    set(revision "${described}")
  endif()
endif()
file(CONFIGURE OUTPUT "${HEADER}" CONTENT "#define CIFAR100_GIT_REVISION \"@revision@\"\n" @ONLY)

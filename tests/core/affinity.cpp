// Thread pinning.
#include <doctest/doctest.h>

#include <glia/core/parallel.hpp>

#include <atomic>
#include <thread>

#if defined(CPU_SETSIZE)
namespace {
cpu_set_t mask_of_this_thread() {
  cpu_set_t mask;
  CPU_ZERO(&mask);
  REQUIRE(sched_getaffinity(0, sizeof mask, &mask) == 0);
  return mask;
}
}  // namespace

TEST_CASE("a helper is tied to its own CPU; the opener, and teams smaller than the machine, stay free") {
  const cpu_set_t all = mask_of_this_thread();
  const int cpus = CPU_COUNT(&all);
  std::thread([&] {
    glia::detail::pin_helper(0, cpus, all);
    cpu_set_t mask = mask_of_this_thread();
    CHECK(CPU_EQUAL(&mask, &all));
    glia::detail::pin_helper(1, cpus + 1, all);
    mask = mask_of_this_thread();
    CHECK(CPU_EQUAL(&mask, &all));
    if (cpus < 2) return;
    glia::detail::pin_helper(cpus - 1, cpus, all);
    mask = mask_of_this_thread();
    CHECK(CPU_COUNT(&mask) == 1);
    int last = 0;
    for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu)
      if (CPU_ISSET(cpu, &all)) last = cpu;
    CHECK(CPU_ISSET(last, &mask));
  }).join();
}

TEST_CASE("parallel loops leave the CPUs of the thread that starts them as they are") {
  const cpu_set_t before = mask_of_this_thread();
  std::atomic<glia::Index> sum{0};
  glia::parallel_for(1000, 1, [&](glia::Index first, glia::Index last) { sum += last - first; });
  CHECK(sum == 1000);
  const cpu_set_t after = mask_of_this_thread();
  CHECK(CPU_EQUAL(&before, &after));
  if (glia::num_threads() > 1) {
    const bool decided = glia::thread_pinning();
    glia::set_thread_pinning(false);  // too late: no effect
    CHECK(glia::thread_pinning() == decided);
  }
}
#endif

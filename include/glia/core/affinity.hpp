#pragma once
// Which CPUs the threads of parallel loops run on. Two threads of a loop that share one CPU while another is idle make
// short loops up to a hundred times slower, because each spins through the other's time slice; so the helpers of the
// first team are tied to a CPU each.

#include <glia/core/config.hpp>

#include <atomic>
#include <cstdlib>
#include <cstring>

#if __has_include(<sched.h>)
#include <sched.h>
#endif

namespace GLIA_NS {

namespace detail {

enum class Pinning : int { undecided, off, done };
inline constinit std::atomic<Pinning> pinning{Pinning::undecided};

// GLIA_PIN_THREADS=0 switches it off; so does any setting of the OpenMP runtime's own, which then decides.
inline bool pinning_wanted() {
  const char* own = std::getenv("GLIA_PIN_THREADS");
  if (own != nullptr && std::strcmp(own, "0") == 0) return false;
  for (const char* name : {"OMP_PROC_BIND", "OMP_PLACES", "GOMP_CPU_AFFINITY", "KMP_AFFINITY"})
    if (std::getenv(name) != nullptr) return false;
  return config::has_openmp;
}

#if defined(CPU_SETSIZE)
// Ties helper number k (k >= 1) of a team to the k-th CPU that the process may use. The thread that opened the team
// stays free, and so do threads it starts later; it finds the one CPU that is left. Only a team as large as the
// process's share of the machine is tied: smaller ones of several processes would all choose the same CPUs.
inline void pin_helper(int index, int team, const cpu_set_t& allowed) {
  if (index == 0 || CPU_COUNT(&allowed) != team) return;
  int seen = 0;
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (!CPU_ISSET(cpu, &allowed) || seen++ != index) continue;
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(cpu, &one);
    static_cast<void>(sched_setaffinity(0, sizeof one, &one));  // where that is forbidden the thread stays free
    return;
  }
}

template <class RunTeam>
void pin_team(const RunTeam& run_team) {
  cpu_set_t allowed;
  CPU_ZERO(&allowed);
  if (sched_getaffinity(0, sizeof allowed, &allowed) != 0) return;
  run_team([&](int index, int team) { pin_helper(index, team, allowed); });
}
#else
template <class RunTeam>
void pin_team(const RunTeam&) {}
#endif

// Called before a parallel loop; run_team(f) calls f(index, team size) once in every thread of a full team. One relaxed
// load, except for the first time in the process.
template <class RunTeam>
void pin_once(const RunTeam& run_team) {
  if (pinning.load(std::memory_order_relaxed) != Pinning::undecided) return;
  Pinning expected = Pinning::undecided;
  const bool wanted = pinning_wanted();
  if (pinning.compare_exchange_strong(expected, wanted ? Pinning::done : Pinning::off) && wanted) pin_team(run_team);
}

}  // namespace detail

// Whether the helper threads of parallel loops are tied to CPUs (Linux, OpenMP): on unless GLIA_PIN_THREADS=0 or a
// setting of OpenMP's own (OMP_PROC_BIND, OMP_PLACES, ...) says otherwise. Call before the first parallel loop; later
// calls have no effect.
inline void set_thread_pinning(bool on) {
  auto expected = detail::Pinning::undecided;
  if (!on) detail::pinning.compare_exchange_strong(expected, detail::Pinning::off);
}

// True once helper threads were tied to CPUs, or would have been had the team been as large as the process's share of
// the machine.
inline bool thread_pinning() { return detail::pinning.load(std::memory_order_relaxed) == detail::Pinning::done; }

}  // namespace GLIA_NS

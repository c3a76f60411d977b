#pragma once
// GLIA_MEMBERS: names the parts of a module, so that one visitor finds parameters, buffers and submodules.

#include <glia/core/config.hpp>

// Inside a struct: GLIA_MEMBERS(conv, norm, head). Defines visit_members(visitor), which calls
// visitor("conv", conv), visitor("norm", norm), ... in this order, for const and non-const objects.
#define GLIA_MEMBERS(...)                                                           \
  template <class GliaVisitor>                                                      \
  void visit_members(GliaVisitor&& glia_visitor) {                                  \
    GLIA_DETAIL_EXPAND(GLIA_DETAIL_EACH(__VA_ARGS__))                               \
  }                                                                                 \
  template <class GliaVisitor>                                                      \
  void visit_members(GliaVisitor&& glia_visitor) const {                            \
    GLIA_DETAIL_EXPAND(GLIA_DETAIL_EACH(__VA_ARGS__))                               \
  }

#define GLIA_DETAIL_PARENS ()
#define GLIA_DETAIL_EXPAND(...) GLIA_DETAIL_EXPAND3(GLIA_DETAIL_EXPAND3(GLIA_DETAIL_EXPAND3(__VA_ARGS__)))
#define GLIA_DETAIL_EXPAND3(...) GLIA_DETAIL_EXPAND2(GLIA_DETAIL_EXPAND2(GLIA_DETAIL_EXPAND2(__VA_ARGS__)))
#define GLIA_DETAIL_EXPAND2(...) GLIA_DETAIL_EXPAND1(GLIA_DETAIL_EXPAND1(GLIA_DETAIL_EXPAND1(__VA_ARGS__)))
#define GLIA_DETAIL_EXPAND1(...) __VA_ARGS__
#define GLIA_DETAIL_EACH(first, ...) \
  glia_visitor(#first, first);       \
  __VA_OPT__(GLIA_DETAIL_EACH_AGAIN GLIA_DETAIL_PARENS(__VA_ARGS__))
#define GLIA_DETAIL_EACH_AGAIN() GLIA_DETAIL_EACH

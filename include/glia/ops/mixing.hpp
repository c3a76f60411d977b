#pragma once
// Two-tensor ops called by name with tensors of two scalars or devices do not compile, and the message is the fix.

#include <glia/ops/check.hpp>
#include <glia/tensor/tensor.hpp>

namespace GLIA_NS {

// Chosen only where the operands differ in type; the ops' own declarations take two tensors of one type.
#define GLIA_REFUSE_MIXED(op)                                                                     \
  template <class T, class D, class U, class E, class... Rest>                                    \
    requires(!std::is_same_v<Tensor<T, D>, Tensor<U, E>>)                                         \
  Tensor<T, D> op(const Tensor<T, D>&, const Tensor<U, E>&, const Rest&...) {                     \
    detail::require_same_type<T, D, U, E>();                                                      \
    return {};                                                                                    \
  }

GLIA_REFUSE_MIXED(add)
GLIA_REFUSE_MIXED(sub)
GLIA_REFUSE_MIXED(mul)
GLIA_REFUSE_MIXED(div)
GLIA_REFUSE_MIXED(pow)
GLIA_REFUSE_MIXED(maximum)
GLIA_REFUSE_MIXED(minimum)
GLIA_REFUSE_MIXED(equal)
GLIA_REFUSE_MIXED(matmul)
GLIA_REFUSE_MIXED(outer)
GLIA_REFUSE_MIXED(linear)
GLIA_REFUSE_MIXED(conv2d)
GLIA_REFUSE_MIXED(mse_loss)
GLIA_REFUSE_MIXED(l1_loss)
GLIA_REFUSE_MIXED(huber_loss)
GLIA_REFUSE_MIXED(smooth_l1_loss)
GLIA_REFUSE_MIXED(bce_with_logits)
GLIA_REFUSE_MIXED(kl_div)
GLIA_REFUSE_MIXED(cosine_similarity)

#undef GLIA_REFUSE_MIXED

}  // namespace GLIA_NS

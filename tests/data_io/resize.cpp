// Resizing of images.

#include "../support/near.hpp"

#include <glia/core/random.hpp>
#include <glia/data/resize.hpp>
#include <glia/ops/inplace.hpp>
#include <glia/ops/view.hpp>

using namespace glia;

TEST_CASE("resize_images equals Pillow's BILINEAR filter") {
  // PIL.Image.fromarray(x, "F").resize((3, 2), Image.BILINEAR) for x = arange(20).reshape(4, 5)
  const auto x = arange<float>(20).reshape({1, 4, 5, 1});
  CHECK_NEAR(data::resize_images(x, 2, 3).flatten(),
             (std::vector<float>{4.0f, 5.571429f, 7.142857f, 11.857143f, 13.428572f, 15.0f}),
             {.relative = 1e-6});
  // resize((7, 4)): no filtering beyond the pixel distance where an axis grows
  CHECK_NEAR(data::resize_images(x, 4, 7).slice(1, {0, 1}).flatten(),
             (std::vector<float>{0.0f, 0.571428597f, 1.28571427f, 2.0f, 2.71428561f, 3.42857146f, 4.0f}),
             {.relative = 1e-6, .absolute = 1e-7});
}

TEST_CASE("resize_images keeps colours, channels and images apart") {
  auto x = Tensor<float>::empty({3, 32, 32, 3});
  for (Index i = 0; i < 3; ++i)
    for (Index c = 0; c < 3; ++c) x.select(0, i).select(-1, c).fill_(static_cast<float>(10 * i + c));
  const auto y = data::resize_images(x, 20, 24);
  REQUIRE_EQ(y.shape(), Shape{3, 20, 24, 3});
  for (Index i = 0; i < 3; ++i)
    for (Index c = 0; c < 3; ++c)
      for (const float v : y.select(0, i).select(-1, c).contiguous().to_vector())
        REQUIRE(v == doctest::Approx(static_cast<double>(10 * i + c)).epsilon(1e-6));
}

TEST_CASE("resize_images refuses what is no image") {
  CHECK_EQ(glia_test::error_of<ShapeError>([] { data::resize_images(zeros({2, 4, 4}), 2, 2); }),
           "resize_images: images must be [N, H, W, C] with pixels, got [2, 4, 4]");
  CHECK_EQ(glia_test::error_of<ShapeError>([] { data::resize_images(zeros({2, 4, 4, 3}), 0, 2); }),
           "resize_images: the new size must be positive, got 0 x 2");
  CHECK_EQ(data::resize_images(zeros({0, 4, 4, 3}), 2, 2).shape(), Shape{0, 2, 2, 3});
}

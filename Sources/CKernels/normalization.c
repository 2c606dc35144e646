#include "loops.h"

CLONES static void bias_activation(const struct ck_bias_activation_arguments *c) {
  for (int64_t r = 0; r < c->rows; r++) {
    float *restrict y = c->y + r * c->columns;
    const float *restrict bias = c->bias;
    float slope = c->slope;
    FOR_ACTIVATION(c->activation, if (bias) { VECTORIZE for (int64_t i = 0; i < c->columns; i++) y[i] = activated(y[i] + bias[i], activation, slope); }
      else { VECTORIZE for (int64_t i = 0; i < c->columns; i++) y[i] = activated(y[i], activation, slope); })
  }
}
int ck_bias_activation(const void *arguments) { bias_activation(arguments); return 0; }

CLONES static void activation_gradient_bias(const struct ck_activation_gradient_bias_arguments *c) {
  for (int64_t g = 0; g < c->groups; g++) {
    float *restrict bias = c->bias + g * c->columns;
    float slope = c->slope;
    for (int64_t i = 0; i < c->columns; i++) bias[i] = 0;
    for (int64_t r = 0; r < c->rows; r++) {
      int64_t at = (g * c->rows + r) * c->columns;
      const float *dy = c->dy + at, *y = c->y + at;
      float *dx = c->dx + at;
      FOR_ACTIVATION(c->activation, VECTORIZE for (int64_t i = 0; i < c->columns; i++) {
        float d = activation_gradient(dy[i], y[i], activation, slope);
        dx[i] = d;
        bias[i] += d;
      })
    }
  }
}
int ck_activation_gradient_bias(const void *arguments) { activation_gradient_bias(arguments); return 0; }

enum { STRIP = 64 };  // columns whose sums stay in registers

CLONES static void batch_norm(const struct ck_batch_norm_arguments *c) {
  const int64_t n = c->rows, columns = c->columns;
  const float inverse = 1.0f / (float)n, slope = c->slope;
  for (int64_t g = 0; g < c->groups; g++)
    for (int64_t from = 0; from < columns; from += STRIP) {
      const int64_t width = columns - from < STRIP ? columns - from : STRIP;
      const float *restrict x = c->x + g * n * columns + from;
      float *restrict y = c->y + g * n * columns + from;
      float mean[STRIP] = {0}, variance[STRIP] = {0}, scale[STRIP], shift[STRIP];
      for (int64_t r = 0; r < n; r++) { VECTORIZE for (int64_t i = 0; i < width; i++) mean[i] += x[r * columns + i]; }
      for (int64_t i = 0; i < width; i++) mean[i] *= inverse;
      for (int64_t r = 0; r < n; r++) { VECTORIZE for (int64_t i = 0; i < width; i++) { float d = x[r * columns + i] - mean[i]; variance[i] += d * d; } }
      for (int64_t i = 0; i < width; i++) {
        variance[i] *= inverse;
        scale[i] = c->gamma[from + i] / __builtin_elementwise_sqrt(variance[i] + c->epsilon);
        shift[i] = c->beta[from + i];
        c->mean[g * columns + from + i] = mean[i];
        c->variance[g * columns + from + i] = variance[i];
      }
      for (int64_t r = 0; r < n; r++) {
        FOR_ACTIVATION(c->activation, VECTORIZE for (int64_t i = 0; i < width; i++)
          y[r * columns + i] = activated((x[r * columns + i] - mean[i]) * scale[i] + shift[i], activation, slope))
      }
    }
}
int ck_batch_norm(const void *arguments) { batch_norm(arguments); return 0; }

CLONES static void batch_norm_gradient(const struct ck_batch_norm_gradient_arguments *c) {
  const int64_t n = c->rows, columns = c->columns;
  const float inverse = 1.0f / (float)n, slope = c->slope;
  for (int64_t g = 0; g < c->groups; g++)
    for (int64_t from = 0; from < columns; from += STRIP) {
      const int64_t width = columns - from < STRIP ? columns - from : STRIP, at = g * n * columns + from;
      const float *restrict x = c->x + at, *dy = c->dy + at, *y = c->y ? c->y + at : c->x + at;
      float *dx = c->dx + at;
      float mean[STRIP], deviation[STRIP], sum[STRIP] = {0}, product[STRIP] = {0}, scale[STRIP];
      for (int64_t i = 0; i < width; i++) {
        mean[i] = c->mean[g * columns + from + i];
        deviation[i] = 1.0f / __builtin_elementwise_sqrt(c->variance[g * columns + from + i] + c->epsilon);
        scale[i] = c->gamma[from + i] * deviation[i];
      }
      for (int64_t r = 0; r < n; r++) {
        FOR_ACTIVATION(c->activation, VECTORIZE for (int64_t i = 0; i < width; i++) {
          float d = activation_gradient(dy[r * columns + i], y[r * columns + i], activation, slope);
          sum[i] += d;
          product[i] += d * ((x[r * columns + i] - mean[i]) * deviation[i]);
        })
      }
      for (int64_t i = 0; i < width; i++) {
        c->dgamma[g * columns + from + i] = product[i];
        c->dbeta[g * columns + from + i] = sum[i];
        sum[i] *= inverse;
        product[i] *= inverse * deviation[i];
      }
      for (int64_t r = 0; r < n; r++) {
        FOR_ACTIVATION(c->activation, VECTORIZE for (int64_t i = 0; i < width; i++) {
          float d = activation_gradient(dy[r * columns + i], y[r * columns + i], activation, slope);
          dx[r * columns + i] = scale[i] * (d - sum[i] - (x[r * columns + i] - mean[i]) * product[i]);
        })
      }
    }
}
int ck_batch_norm_gradient(const void *arguments) { batch_norm_gradient(arguments); return 0; }

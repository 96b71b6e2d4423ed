// What the kernels call of WGSL, for NVIDIA's compiler: see cuda.mjs. Written for its machine code to be read, never to be run.
typedef unsigned int u32;
typedef int i32;
typedef float f32;

template <class T> struct alignas(2 * sizeof(T)) vec2 {
  T x, y;
  vec2() = default;
  __device__ explicit vec2(T a) : x(a), y(a) {}
  __device__ vec2(T a, T b) : x(a), y(b) {}
  __device__ T& operator[](u32 n) { return n == 0 ? x : y; }
};
template <class T> struct vec3 {
  T x, y, z;
};
template <class T> struct alignas(4 * sizeof(T)) vec4 {
  T x, y, z, w;
  vec4() = default;
  __device__ explicit vec4(T a) : x(a), y(a), z(a), w(a) {}
  __device__ vec4(T a, T b, T c, T d) : x(a), y(b), z(c), w(d) {}
  __device__ vec4(vec2<T> a, vec2<T> b) : x(a.x), y(a.y), z(b.x), w(b.y) {}
  __device__ vec2<T> xy() const { return {x, y}; }
  __device__ vec2<T> zw() const { return {z, w}; }
  __device__ vec4 zwxy() const { return {z, w, x, y}; }
  __device__ T& operator[](u32 n) { return n == 0 ? x : n == 1 ? y : n == 2 ? z : w; }
};
typedef vec2<f32> vec2f;
typedef vec2<u32> vec2u;
typedef vec3<u32> vec3u;
typedef vec4<f32> vec4f;
typedef vec4<u32> vec4u;

// A function of numbers, number by number.
#define EACH1(name, call) \
  template <class T> __device__ vec2<T> name(vec2<T> a) { return {call(a.x), call(a.y)}; } \
  template <class T> __device__ vec4<T> name(vec4<T> a) { return {call(a.x), call(a.y), call(a.z), call(a.w)}; }
#define EACH2(name) \
  template <class T> __device__ vec2<T> name(vec2<T> a, vec2<T> b) { return {name(a.x, b.x), name(a.y, b.y)}; } \
  template <class T> __device__ vec4<T> name(vec4<T> a, vec4<T> b) { \
    return {name(a.x, b.x), name(a.y, b.y), name(a.z, b.z), name(a.w, b.w)}; \
  }
#define OPERATOR(op) \
  template <class T> __device__ auto operator op(vec2<T> a, vec2<T> b) -> vec2<decltype(a.x op b.x)> { \
    return {a.x op b.x, a.y op b.y}; \
  } \
  template <class T> __device__ auto operator op(vec4<T> a, vec4<T> b) -> vec4<decltype(a.x op b.x)> { \
    return {a.x op b.x, a.y op b.y, a.z op b.z, a.w op b.w}; \
  }
OPERATOR(+) OPERATOR(-) OPERATOR(*) OPERATOR(/)
OPERATOR(&) OPERATOR(|) OPERATOR(>>) OPERATOR(<<)
OPERATOR(>) OPERATOR(<) OPERATOR(==)
EACH1(operator-, -)
template <class T> __device__ vec4<T> operator*(vec4<T> a, T b) { return a * vec4<T>(b); }
template <class V, class W> __device__ V& operator+=(V& a, W b) { return a = a + b; }
template <class V, class W> __device__ V& operator*=(V& a, W b) { return a = a * b; }

namespace wgsl {
template <class To, class From> __device__ To bitcast(From from) {
  To to;
  memcpy(&to, &from, sizeof(to));
  return to;
}

__device__ inline f32 exp2(f32 x) {
  f32 y;
  asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
  return y;
}
__device__ inline f32 log2(f32 x) {
  f32 y;
  asm("lg2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
  return y;
}
__device__ inline f32 fma(f32 a, f32 b, f32 c) { return fmaf(a, b, c); }
__device__ inline f32 abs(f32 a) { return fabsf(a); }
__device__ inline f32 max(f32 a, f32 b) { return fmaxf(a, b); }
__device__ inline f32 min(f32 a, f32 b) { return fminf(a, b); }
__device__ inline u32 max(u32 a, u32 b) { return a > b ? a : b; }
__device__ inline u32 min(u32 a, u32 b) { return a < b ? a : b; }
__device__ inline i32 max(i32 a, i32 b) { return a > b ? a : b; }
__device__ inline i32 min(i32 a, i32 b) { return a < b ? a : b; }
EACH1(exp2, exp2)
EACH1(abs, abs)
EACH2(max)
EACH2(min)
template <class T> __device__ T clamp(T a, T low, T high) { return min(max(a, low), high); }
__device__ inline vec4f fma(vec4f a, vec4f b, vec4f c) {
  return {fmaf(a.x, b.x, c.x), fmaf(a.y, b.y, c.y), fmaf(a.z, b.z, c.z), fmaf(a.w, b.w, c.w)};
}
__device__ inline f32 dot(vec4f a, vec4f b) { return fmaf(a.w, b.w, fmaf(a.z, b.z, fmaf(a.y, b.y, a.x * b.x))); }

template <class T> __device__ T select(T no, T yes, bool which) { return which ? yes : no; }
template <class T> __device__ vec2<T> select(vec2<T> no, vec2<T> yes, vec2<bool> which) {
  return {which.x ? yes.x : no.x, which.y ? yes.y : no.y};
}
template <class T> __device__ vec4<T> select(vec4<T> no, vec4<T> yes, vec4<bool> which) {
  return {which.x ? yes.x : no.x, which.y ? yes.y : no.y, which.z ? yes.z : no.z, which.w ? yes.w : no.w};
}

__device__ inline u32 pack2x16float(vec2f v) {
  u32 h;
  asm("cvt.rn.f16x2.f32 %0, %1, %2;" : "=r"(h) : "f"(v.y), "f"(v.x));
  return h;
}
__device__ inline vec2f unpack2x16float(u32 h) {
  vec2f v;
  asm("{ .reg .f16 l, h; mov.b32 {l, h}, %2; cvt.f32.f16 %0, l; cvt.f32.f16 %1, h; }" : "=f"(v.x), "=f"(v.y) : "r"(h));
  return v;
}

__device__ inline void workgroupBarrier() { __syncthreads(); }
__device__ inline u32 workgroupUniformLoad(u32* x) {
  __syncthreads();
  u32 value = *x;
  __syncthreads();
  return value;
}
__device__ inline void atomicStore(u32* x, u32 value) { *(volatile u32*)x = value; }

__device__ inline f32 subgroupShuffleXor(f32 x, u32 mask) { return __shfl_xor_sync(~0u, x, mask); }
__device__ inline f32 subgroupShuffle(f32 x, u32 lane) { return __shfl_sync(~0u, x, lane); }
__device__ inline u32 subgroupShuffle(u32 x, u32 lane) { return __shfl_sync(~0u, x, lane); }
__device__ inline vec4f subgroupShuffleXor(vec4f v, u32 mask) {
  return {subgroupShuffleXor(v.x, mask), subgroupShuffleXor(v.y, mask), subgroupShuffleXor(v.z, mask), subgroupShuffleXor(v.w, mask)};
}

// Matrices of 16 x 16, in the registers of mma.m16n8k16: of halves, one ldmatrix loads the four 8 x 8 parts, lane % 8 the row of part lane / 8.
struct Left { u32 r[4]; };
struct Right { u32 r[4]; };
struct Result { f32 r[8] = {0, 0, 0, 0, 0, 0, 0, 0}; };
enum Order { row_major, col_major };
#define LANE (threadIdx.x % 32u)

#define LDMATRIX(how) \
  asm volatile("ldmatrix.sync.aligned.m8n8.x4" how ".shared.b16 {%0,%1,%2,%3}, [%4];" \
               : "=r"(m.r[0]), "=r"(m.r[1]), "=r"(m.r[2]), "=r"(m.r[3]) : "r"(at) : "memory")
template <class M> __device__ M ldmatrix(const vec4u* a, bool transposed) {
  M m;
  u32 at = (u32)__cvta_generic_to_shared(a);
  if (transposed) LDMATRIX(".trans");
  else LDMATRIX("");
  return m;
}
__device__ inline u32 rows_first(u32 stride) { return LANE % 16u * stride + LANE / 16u; }
__device__ inline u32 columns_first(u32 stride) { return (LANE % 8u + LANE / 16u * 8u) * stride + LANE / 8u % 2u; }
__device__ inline float2* part(vec4u* a, u32 stride, u32 n) {
  return (float2*)(a + (LANE / 4u + n % 2u * 8u) * stride) + LANE % 4u + n / 2u * 4u;
}

template <class M, Order O> struct Load;
template <> struct Load<Left, row_major> {
  static __device__ Left from(vec4u* a, u32 stride) { return ldmatrix<Left>(a + rows_first(stride), false); }
};
template <> struct Load<Right, col_major> {
  static __device__ Right from(vec4u* a, u32 stride) { return ldmatrix<Right>(a + columns_first(stride), false); }
};
template <> struct Load<Right, row_major> {
  static __device__ Right from(vec4u* a, u32 stride) { return ldmatrix<Right>(a + rows_first(stride), true); }
};
template <> struct Load<Result, row_major> {
  static __device__ Result from(vec4u* a, u32 stride) {
    Result m;
    for (u32 n = 0; n < 4; n++) {
      float2 value = *part(a, stride, n);
      m.r[2 * n] = value.x;
      m.r[2 * n + 1] = value.y;
    }
    return m;
  }
};
template <class M, Order O, u32 N> __device__ M subgroupMatrixLoad(vec4u (*a)[N], u32 offset, u32 stride) {
  return Load<M, O>::from(*a + offset, stride);
}
template <Order O, u32 N> __device__ void subgroupMatrixStore(vec4u (*a)[N], u32 offset, Result m, u32 stride) {
  for (u32 n = 0; n < 4; n++) *part(*a + offset, stride, n) = make_float2(m.r[2 * n], m.r[2 * n + 1]);
}
__device__ inline Result subgroupMatrixMultiplyAccumulate(Left a, Right b, Result c) {
  for (u32 n = 0; n < 2; n++) {
    asm("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
        : "+f"(c.r[4 * n]), "+f"(c.r[4 * n + 1]), "+f"(c.r[4 * n + 2]), "+f"(c.r[4 * n + 3])
        : "r"(a.r[0]), "r"(a.r[1]), "r"(a.r[2]), "r"(a.r[3]), "r"(b.r[2 * n]), "r"(b.r[2 * n + 1]));
  }
  return c;
}
}

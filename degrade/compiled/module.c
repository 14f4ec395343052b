/* The functions are called through ctypes; Python imports this module only to find its file. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "compiled.h"

/* The name of the form that this is, without quotes: see setup.py. */
#ifndef FORM
#define FORM plain
#endif
#define TEXT(word) #word
#define NAME(form) TEXT(form)
#define BOTH(a, b) a##b
#define START(form) BOTH(PyInit__, form)

int degrade_interface(void)
{
    return INTERFACE;
}

/* Which of the forms of loading.py, from 0, this is by the flags that it was compiled with. */
int degrade_built_for(void)
{
#if defined(__AVX2__) && defined(__AVX512VBMI__)
    return 2;
#elif defined(__AVX2__)
    return 1;
#else
    return 0;
#endif
}

/* Which of the forms of loading.py, from 0, is the last that this processor can run; to be asked of
   the plain one, as it may not have what the others are made of. */
int degrade_best_form(void)
{
#if defined(__x86_64__) && defined(__GNUC__)
    if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma")
        || !__builtin_cpu_supports("bmi") || !__builtin_cpu_supports("bmi2"))
        return 0;
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw")
                   && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl")
                   && __builtin_cpu_supports("avx512vnni") && __builtin_cpu_supports("avx512vbmi")
               ? 2
               : 1;
#else
    return 0;
#endif
}

static PyModuleDef module = {PyModuleDef_HEAD_INIT, .m_name = NAME(FORM), .m_size = -1};

PyMODINIT_FUNC START(FORM)(void)
{
    return PyModule_Create(&module);
}

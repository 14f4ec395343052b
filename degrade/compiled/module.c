/* The functions are called through ctypes; Python imports this module only to find its file. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "compiled.h"

int degrade_interface(void)
{
    return INTERFACE;
}

static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, .m_name = "_code", .m_size = -1};

PyMODINIT_FUNC PyInit__code(void)
{
    return PyModule_Create(&module);
}

#!/usr/bin/env node
import "fovea/cli";

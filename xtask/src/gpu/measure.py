# Trains and runs models of known shapes with random weights on the first card, and prints one JSON object a case.
# Cases come as JSON lines on stdin; shapes come with them, so nothing is fetched. Transformers, PEFT and PyTorch are the user's own.
import gc, json, os, sys, time

import torch
import transformers

ENDS = time.monotonic() + float(os.environ.get("DESKSIDE_MEASURE_SECONDS", "200"))
CUDA = torch.device("cuda", 0)


def config(case):
    shape = case["shape"]
    length = max(4096, case.get("sequence", 0) + 8)
    if shape["arch"] == "gpt2":
        return transformers.GPT2Config(
            n_layer=shape["layers"], n_embd=shape["hidden"], n_head=shape["heads"], vocab_size=shape["vocab"], n_positions=length,
            resid_pdrop=0.0, embd_pdrop=0.0, attn_pdrop=0.0,
        )
    made = {
        "llama": transformers.LlamaConfig,
        "qwen2": transformers.Qwen2Config,
        "qwen3": transformers.Qwen3Config,
        "mistral": transformers.MistralConfig,
        "gpt_neox": transformers.GPTNeoXConfig,
    }[shape["arch"]]
    more = {} if shape["arch"] == "gpt_neox" else {"num_key_value_heads": shape["kv_heads"], "head_dim": shape["head_dim"]}
    return made(
        num_hidden_layers=shape["layers"], hidden_size=shape["hidden"], num_attention_heads=shape["heads"],
        intermediate_size=shape["intermediate"], vocab_size=shape["vocab"], tie_word_embeddings=shape["tied"],
        max_position_embeddings=length, **more,
    )


def model_of(case, dtype):
    with CUDA:
        made = transformers.AutoModelForCausalLM.from_config(config(case), dtype=dtype, attn_implementation="sdpa")
    # A head that is tied stood beside the embedding while weights were made; one that is read from a file never does.
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats()
    return made


def targets(case):
    if case["targets"] == "all":
        return "all-linear"
    return ["c_attn"] if case["shape"]["arch"] == "gpt2" else ["q_proj", "v_proj"]


def train(case):
    mixed = case["weights"] == "fp32"
    model = model_of(case, torch.float32 if mixed else torch.bfloat16)
    model.train()
    if case["method"] == "lora":
        import peft

        model = peft.get_peft_model(
            model, peft.LoraConfig(r=case["rank"], lora_alpha=16, target_modules=targets(case), task_type="CAUSAL_LM")
        )
    if case["checkpointing"]:
        model.enable_input_require_grads()
        model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
        model.config.use_cache = False
    trained = [one for one in model.parameters() if one.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=1e-5, **({"fused": True} if case["optimizer"] == "fused" else {}))
    words = torch.randint(0, case["shape"]["vocab"], (case["batch"], case["sequence"]), device=CUDA)
    times, steps = [], []
    for step in range(6):
        torch.cuda.synchronize()
        start = time.perf_counter()
        with torch.autocast("cuda", torch.bfloat16, enabled=mixed):
            loss = model(input_ids=words, labels=words, use_cache=False).loss
        loss.backward()
        torch.cuda.synchronize()
        stepped = time.perf_counter()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        torch.cuda.synchronize()
        times.append(time.perf_counter() - start)
        steps.append(time.perf_counter() - stepped)
    step = sorted(times[2:])[len(times[2:]) // 2]
    tokens = case["batch"] * case["sequence"]
    return {"train_tps": tokens / step, "optimizer_seconds": sorted(steps[2:])[len(steps[2:]) // 2], "trained": sum(one.numel() for one in trained)}


def run(case):
    model = model_of(case, torch.bfloat16)
    model.eval()
    batch, prompt, count = case["batch"], case["prompt"], case["generate"]
    words = torch.randint(0, case["shape"]["vocab"], (batch, prompt), device=CUDA)
    mask = torch.ones_like(words)

    def took(tokens):
        torch.cuda.synchronize()
        start = time.perf_counter()
        model.generate(words, attention_mask=mask, max_new_tokens=tokens, min_new_tokens=tokens, do_sample=False, pad_token_id=0)
        torch.cuda.synchronize()
        return time.perf_counter() - start

    with torch.inference_mode():
        took(8)
        first = min(took(1) for _ in range(3))
        whole = took(count)
    decode = batch * (count - 1) / max(whole - first, 1e-9)
    return {"decode_tps": decode, "prefill_tps": batch * prompt / first}


def measured(case):
    gc.collect()
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats()
    torch.backends.cuda.enable_cudnn_sdp(case["attention"] != "flash")
    told = train(case) if case["phase"] == "train" else run(case)
    told["allocated"] = torch.cuda.max_memory_allocated()
    told["reserved"] = torch.cuda.max_memory_reserved()
    free, total = torch.cuda.mem_get_info()
    told["device"] = total - free
    return told


def main():
    properties = torch.cuda.get_device_properties(0)
    print(json.dumps({
        "card": properties.name, "memory": properties.total_memory, "torch": torch.__version__,
        "transformers": transformers.__version__, "python": sys.version.split()[0],
    }), flush=True)
    for line in sys.stdin:
        case = json.loads(line)
        if time.monotonic() > ENDS:
            told = {"skipped": "the time for measuring was over"}
        else:
            try:
                told = measured(case)
            except Exception as error:
                told = {"error": f"{type(error).__name__}: {str(error)[:300]}"}
        print(json.dumps({"id": case["id"], **told}), flush=True)


main()

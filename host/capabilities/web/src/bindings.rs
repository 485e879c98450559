//! What script engines import besides, on the async track, generated.

wasmtime::component::bindgen!({
    path: "wit/v0.3",
    inline: "
        package distri:web;
        world web {
            import distri:plugin/url@0.3.0;
            import distri:plugin/text-codec@0.3.0;
        }
    ",
    world: "distri:web/web",
    imports: { default: trappable },
    with: {
        "distri:plugin/text-codec.decoder": crate::decoder::Decoder,
    },
});

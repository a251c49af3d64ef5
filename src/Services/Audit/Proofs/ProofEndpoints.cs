using EnvPlatform.Postgres.Background;

namespace EnvPlatform.Audit.Proofs;

/// <summary>What proves an audit log: its tree, signed checkpoints, keys, proofs.</summary>
internal static class ProofEndpoints
{
    public static void AddProofs(this IHostApplicationBuilder builder)
    {
        builder.Services.AddSingleton<SigningKeys>();
        builder.Services.AddPeriodicWork<BuildTrees>();
        builder.Services.AddListeningWork<SignCheckpoints>();
    }

    public static void MapProofs(this IEndpointRouteBuilder logs)
    {
        logs.MapGetCheckpoint();
        logs.MapListSigningKeys();
        logs.MapGetConsistency();
        logs.MapGetTile();
        logs.MapGetProof();
    }
}

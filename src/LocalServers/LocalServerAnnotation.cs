using Aspire.Hosting.ApplicationModel;

namespace EnvPlatform.LocalServers;

/// <summary>The program that runs a server of the model.</summary>
internal sealed record LocalServerAnnotation(ILocalServer Program) : IResourceAnnotation;

using Aspire.Hosting.ApplicationModel;

namespace EnvPlatform.LocalServers;

/// <summary>On a process that does its work and ends: an exit with code 0 is what it is for.</summary>
public sealed class RunsOnceAnnotation : IResourceAnnotation;
